"""The command `vaeport-export`: a run becomes a sealed, proven bundle."""

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from vaeport.common.commands import command_parser, print_json, run_command
from vaeport.common.extras import needs_extra
from vaeport.errors import InputError

if TYPE_CHECKING:
    from vaeport_train.data import Dataset

_EXAMPLES = """  vaeport-export runs/first -o out/first
  vaeport-export runs/blog -o models/mnist-blog --name mnist-blog --replace
  vaeport-export runs/first -o out/first --precision fp16,int8
  vaeport-export runs/first -o out/first --opset 21"""


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point of the console script."""
    parser = command_parser(
        "vaeport-export",
        "Export a run as two ONNX graphs in a sealed bundle. The bundle is compared with PyTorch on every installed\n"
        "backend before it appears; if it does not answer as PyTorch does, nothing is written.",
        examples=_EXAMPLES,
    )
    parser.add_argument("folder", metavar="RUN", help="run folder of vaeport-train")
    parser.add_argument("-o", "--output", required=True, metavar="BUNDLE", help="bundle folder to make")
    parser.add_argument("--name", help="name of the bundle (default: that of the output folder)")
    parser.add_argument(
        "--bundle-version", default="1", metavar="V", help="version of the bundle (default: %(default)s)"
    )
    parser.add_argument("--description", default="", metavar="TEXT", help="one sentence about it")
    parser.add_argument("--opset", type=int, default=18, help="ONNX operator set, 18 to 23 (default: %(default)s)")
    parser.add_argument(
        "--precision",
        default="",
        metavar="NAMES",
        help="fp16, int8 or both with a comma between, beside fp32; one that costs too much on the task is not written",
    )
    parser.add_argument(
        "--data", metavar="NAME", help="the run's data set, for --precision (default: by the name in the run)"
    )
    parser.add_argument("--data-dir", metavar="DIR", help="folder of the data set's original files, for --precision")
    parser.add_argument("--replace", action="store_true", help="replace a bundle that stands there, in one step")
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")
    arguments = parser.parse_args(argv)
    return run_command("vaeport-export", lambda: _run(arguments))


def _run(arguments: argparse.Namespace) -> int:
    with needs_extra("export"):
        from vaeport_parity.running.progress import Steps

        from .precisions import chosen_precisions
        from .sources.run import export_run
    began = time.perf_counter()
    precisions = chosen_precisions(arguments.precision)
    if (arguments.data or arguments.data_dir) and not precisions:
        raise InputError("--data and --data-dir are for --precision; give it as well, or leave them out")
    dataset = _dataset(arguments) if precisions else None
    with Steps("export") as steps:
        exported = export_run(
            arguments.folder,
            arguments.output,
            name=arguments.name,
            version=arguments.bundle_version,
            description=arguments.description,
            opset=arguments.opset,
            precisions=precisions,
            dataset=dataset,
            replace=arguments.replace,
            progress=steps,
        )
    worst = max(row.ratio for row in exported.parity.rows)
    short = [one for one in exported.precisions if one.missed]
    seconds = time.perf_counter() - began
    if arguments.json:
        made = {
            one.name: {**asdict(one.figures), "written": not one.missed, "missed": one.missed}
            for one in exported.precisions
        }
        print_json(
            {
                "bundle": arguments.output,
                "name": arguments.name or exported.path.name,
                "worst_ratio": worst,
                "seconds": seconds,
                "precisions": made,
            }
        )
    else:
        print(
            f"{arguments.output}: sealed in {seconds:.0f} s; at most {worst:.2f} times PyTorch's noise floor (limit 4)"
        )
        for one in exported.precisions:
            print(f"{one.name}: {one.figures.in_words()}")
        print(f"next: vaeport verify {arguments.output}, or vaeport generate -b {arguments.output} -o digits.png")
    for one in short:
        print(f"vaeport-export: {one.name} was not written: {one.missed}", file=sys.stderr)
    return 1 if short else 0


def _dataset(arguments: argparse.Namespace) -> "Dataset":
    from vaeport_train.data import NAMES, FolderOptions, load_dataset
    from vaeport_train.running.checkpoint import load_record

    record = load_record(Path(arguments.folder))
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
        print(f"vaeport-export: skipped: {reason}", file=sys.stderr)
    return loaded
