"""The command `vaeport-export`: a pair of networks as a sealed bundle."""

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vaeport.common.commands import command_parser, print_json, print_line, run_command
from vaeport.common.extras import needs_extra
from vaeport.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from vaeport_train.data import Dataset

    from .pipeline import Exported

_EXAMPLES = """  vaeport-export my_nets.py:build --weights model.safetensors --images samples/ -o out/pets
  vaeport-export encoder.onnx decoder.onnx --labels cat,dog --images samples/ -o out/pets
  vaeport-export runs/first -o out/first
  vaeport-export runs/first -o out/first --precision fp16,int8"""

_PAIR_ONLY = ("weights", "labels", "images", "image_labels", "image_shape", "polarity", "author")
_RUN_ONLY = ("data", "data_dir")


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point of the console script."""
    arguments = _parser().parse_args(argv)
    return run_command("vaeport-export", lambda: _run(arguments))


def _parser() -> argparse.ArgumentParser:
    parser = command_parser(
        "vaeport-export",
        "Export an encoder with a classifier, and a decoder, as two ONNX graphs in a sealed bundle.\n"
        "The bundle is compared with the networks, in onnxruntime and onnx's own evaluator, before it appears; if it\n"
        "does not answer as they do, nothing is written.",
        examples=_EXAMPLES,
    )
    parser.add_argument(
        "source",
        metavar="SOURCE",
        help="FILE.py:NAME, a function without arguments that returns (encoder_classifier, decoder), or that pair "
        "itself; the file is run as your own code. Or the encoder's ONNX file. Or a run folder of vaeport-train",
    )
    parser.add_argument("decoder", nargs="?", metavar="DECODER.onnx", help="the decoder's ONNX file")
    parser.add_argument("-o", "--output", required=True, metavar="BUNDLE", help="bundle folder to make")
    pair = parser.add_argument_group("for your own networks")
    pair.add_argument(
        "--weights",
        metavar="FILE",
        help="weights for SOURCE, .safetensors, or .pt and .pth with nothing but tensors; keys begin with "
        "encoder_classifier. and decoder.",
    )
    pair.add_argument(
        "--labels", metavar="NAMES", help="class names, a comma between (default: sub-folders of --images)"
    )
    pair.add_argument(
        "--images",
        metavar="PATH",
        help="samples: a folder of image files, with a sub-folder for each class if possible, or an .npz file with "
        "`images` and perhaps `labels`",
    )
    pair.add_argument(
        "--image-labels", metavar="CSV", help="lines of file name and class, where there are no sub-folders"
    )
    pair.add_argument(
        "--image-shape", metavar="CxHxW", help="what the networks take, if the images do not tell: 1x28x28"
    )
    pair.add_argument(
        "--polarity",
        choices=("light-ink", "dark-ink", "auto"),
        help="how grey images are read, by the bundle's users too: as they are, inverted, or inverted where they are "
        "drawn on light paper (default: light-ink, as they are)",
    )
    pair.add_argument("--author", default="", metavar="TEXT", help="who exports, for the card")
    bundle = parser.add_argument_group("the bundle")
    bundle.add_argument("--name", help="name of the bundle (default: that of the output folder)")
    bundle.add_argument("--bundle-version", default="1", metavar="V", help="its version (default: %(default)s)")
    bundle.add_argument("--description", default="", metavar="TEXT", help="one sentence about it")
    bundle.add_argument("--opset", type=int, default=18, help="ONNX operator set, 18 to 23 (default: %(default)s)")
    bundle.add_argument(
        "--precision",
        default="",
        metavar="NAMES",
        help="fp16, int8 or both with a comma between, beside fp32; one that costs too much on the task is not written",
    )
    bundle.add_argument("--replace", action="store_true", help="replace a bundle that stands there, in one step")
    bundle.add_argument("--json", action="store_true", help="print JSON instead of text")
    run = parser.add_argument_group("for a run of vaeport-train")
    run.add_argument(
        "--data", metavar="NAME", help="the run's data set, for --precision (default: as named in the run)"
    )
    run.add_argument("--data-dir", metavar="DIR", help="folder of the data set's original files, for --precision")
    return parser


def _run(arguments: argparse.Namespace) -> int:
    with needs_extra("export"):
        from vaeport_parity.running.progress import Steps

        from .precisions import chosen_precisions
    began = time.perf_counter()
    options = {
        "name": arguments.name,
        "version": arguments.bundle_version,
        "description": arguments.description,
        "opset": arguments.opset,
        "precisions": chosen_precisions(arguments.precision),
        "replace": arguments.replace,
    }
    from_run = _is_run(arguments)
    _refuse(arguments, _PAIR_ONLY if from_run else _RUN_ONLY, "your own networks" if from_run else "a run folder")
    export = _export_run if from_run else _export_pair
    with Steps("export") as steps:
        exported = export(arguments, options, steps)
    return _tell(arguments, exported, time.perf_counter() - began)


def _is_run(arguments: argparse.Namespace) -> bool:
    source = Path(arguments.source)
    if arguments.source.endswith(".onnx"):
        if arguments.decoder is None:
            raise InputError(f"{source} is one graph; name the decoder's ONNX file after it")
        return False
    if arguments.decoder is not None:
        raise InputError(f"{arguments.decoder} is given after {source}, but only an ONNX file has a second one")
    return ".py:" not in arguments.source and not arguments.source.endswith(".py")


def _refuse(arguments: argparse.Namespace, names: Sequence[str], whose: str) -> None:
    for name in names:
        if getattr(arguments, name):
            raise InputError(f"--{name.replace('_', '-')} is for {whose}, and {arguments.source} is not; leave it out")


def _export_run(
    arguments: argparse.Namespace, options: dict[str, Any], progress: "Callable[[str], None]"
) -> "Exported":
    with needs_extra("export"):
        from .sources.run import export_run
    if (arguments.data or arguments.data_dir) and not options["precisions"]:
        raise InputError("--data and --data-dir are for --precision; give it as well, or leave them out")
    dataset = _dataset(arguments) if options["precisions"] else None
    return export_run(arguments.source, arguments.output, dataset=dataset, progress=progress, **options)


def _export_pair(
    arguments: argparse.Namespace, options: dict[str, Any], progress: "Callable[[str], None]"
) -> "Exported":
    with needs_extra("export"):
        from .sources.factory import load_pair
        from .sources.modules import export_modules
        from .sources.samples import read_class_table, read_sample_file, sub_folders
    if arguments.images is None:
        raise InputError("--images is missing; give samples that the networks were made for, a folder or an .npz file")
    images: Any = Path(arguments.images)
    image_labels: Any = None
    if images.suffix == ".npz":
        images, image_labels = read_sample_file(images)
    elif arguments.image_labels:
        images, image_labels = read_class_table(Path(arguments.image_labels), images)
    labels = [name.strip() for name in arguments.labels.split(",")] if arguments.labels else None
    if labels is None and isinstance(images, Path):
        labels = sub_folders(images)
    if not labels:
        raise InputError("--labels is missing; name the classes in the order of class_probs, with commas between")
    if arguments.decoder is not None:
        if arguments.weights:
            raise InputError("--weights is for PyTorch networks; ONNX files have their own")
        encoder, decoder = arguments.source, arguments.decoder
    else:
        encoder, decoder = load_pair(arguments.source, arguments.weights)
    return export_modules(
        encoder,
        decoder,
        labels=labels,
        images=images,
        image_labels=image_labels,
        image_shape=_shape(arguments.image_shape),
        polarity=arguments.polarity or "light-ink",
        out=arguments.output,
        author=arguments.author,
        progress=progress,
        **options,
    )


def _shape(text: str | None) -> tuple[int, int, int] | None:
    if text is None:
        return None
    sizes = text.lower().split("x")
    if len(sizes) != 3 or not all(size.isdecimal() and int(size) for size in sizes) or int(sizes[0]) not in (1, 3):
        raise InputError(f"--image-shape is {text!r}, but must be channels (1 or 3), height and width, such as 3x64x64")
    channels, height, width = map(int, sizes)
    return channels, height, width


def _tell(arguments: argparse.Namespace, exported: "Exported", seconds: float) -> int:
    worst = max(row.ratio for row in exported.parity.rows)
    short = [each for each in exported.precisions if each.missed]
    if arguments.json:
        made = {
            each.name: {**asdict(each.figures), "written": not each.missed, "missed": each.missed}
            for each in exported.precisions
        }
        print_json(
            {
                "bundle": arguments.output,
                "name": arguments.name or exported.path.name,
                "worst_ratio": worst,
                "seconds": seconds,
                "precisions": made,
                "refusal": exported.refusal,
            }
        )
    else:
        print_line(
            f"{arguments.output}: sealed in {seconds:.0f} s; at most {worst:.2f} times the noise floor of "
            f"{exported.parity.yardstick} (limit 4)"
        )
        for each in exported.precisions:
            print_line(f"{each.name}: {each.figures.in_words()}")
        trusted = " --trusted" if exported.refusal else ""
        if exported.refusal:
            print_line(f"note: readers take this bundle with trusted=True (--trusted) only: {exported.refusal}")
        print_line(
            f"next: vaeport verify {arguments.output}{trusted}, "
            f"or vaeport generate -b {arguments.output}{trusted} -o drawn.png"
        )
    for each in short:
        print_line(f"vaeport-export: {each.name} was not written: {each.missed}", file=sys.stderr)
    return 1 if short else 0


def _dataset(arguments: argparse.Namespace) -> "Dataset":
    from vaeport_train.data import NAMES, FolderOptions, load_dataset
    from vaeport_train.running.checkpoint import load_record

    record = load_record(Path(arguments.source))
    if not arguments.data and record.data.name not in NAMES:
        raise InputError(
            f"--precision needs the run's images: give --data with the folder or file of {record.data.name!r}"
        )
    loaded = load_dataset(
        arguments.data or record.data.name,
        data_dir=arguments.data_dir,
        folder_options=FolderOptions(record.data.image_shape),
    )
    for reason in loaded.skipped:
        print_line(f"vaeport-export: skipped: {reason}", file=sys.stderr)
    return loaded
