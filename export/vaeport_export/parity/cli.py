"""The command `vaeport-parity`: prove a bundle against the PyTorch network it came from."""

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from vaeport.bundle import DEFAULT_BUNDLE, open_bundle
from vaeport.commands import command_parser, print_json, print_table, run_command
from vaeport.errors import CheckFailedError, InputError, SealError
from vaeport.extras import needs_extra

if TYPE_CHECKING:
    from .comparison import ParityReport

_EXAMPLES = """  vaeport-parity models/mnist-blog
  vaeport-parity models/mnist-blog --data mnist               on the 10,000 test images too
  vaeport-parity models/mnist-blog --backends onnxruntime-all,onnx-reference --json"""


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point of the console script."""
    parser = command_parser(
        "vaeport-parity",
        "Compare a bundle's two graphs, on every backend that is installed, with the PyTorch network they came from.\n"
        "Errors are largest absolute differences; the ratio is the error in units of PyTorch's own rounding noise\n"
        "(float32 against float64). A row holds up to a ratio of 4, with no class flipped.",
        examples=_EXAMPLES,
    )
    parser.add_argument(
        "bundle", nargs="?", default=DEFAULT_BUNDLE, help="folder or shipped name (default: %(default)s)"
    )
    parser.add_argument("--backends", default="all", metavar="NAMES", help="all, or names with commas between")
    parser.add_argument("--data", metavar="NAME", help="compare on the test images of this data set too, such as mnist")
    parser.add_argument("--data-dir", metavar="DIR", help="folder of the data set's original files")
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")
    arguments = parser.parse_args(argv)
    return run_command("vaeport-parity", lambda: _run(arguments))


def _run(arguments: argparse.Namespace) -> int:
    try:
        bundle = open_bundle(arguments.bundle)
    except SealError as error:
        raise CheckFailedError(str(error)) from error
    with needs_extra("export"):
        from ..progress import Steps
        from .comparison import compare_backends
        from .subject import subject_of
    images = None
    if arguments.data:
        with needs_extra("train"):
            from vaeport_train.data import FolderOptions, load_dataset
        shape = bundle.manifest.shapes.image
        dataset = load_dataset(arguments.data, data_dir=arguments.data_dir, folder_options=FolderOptions(shape))
        if dataset.image_shape != shape:
            raise InputError(
                f"{bundle.path} takes images {list(shape)}, {dataset.name} has {list(dataset.image_shape)}"
            )
        images = dataset.evaluation_images()
    names = None if arguments.backends == "all" else arguments.backends.split(",")
    with Steps("parity") as steps:
        report = compare_backends(subject_of(bundle), names, images=images, progress=steps)
    if arguments.json:
        rows = [{**asdict(row), "ratio": row.ratio, "holds": row.holds} for row in report.rows]
        print_json({**asdict(report), "rows": rows, "holds": report.holds})
    else:
        print_report(report)
    return 0 if report.holds else 1


def print_report(report: "ParityReport") -> None:
    """Print the table, then the one number that people remember."""
    rows = [
        (
            f"{row.backend} {row.version}",
            row.graph,
            row.output,
            f"{row.error_float32:.2e}",
            f"{row.error_float64:.2e}",
            f"{row.noise_floor:.2e}",
            f"{row.ratio:.2f}",
            "-" if row.class_flips is None else str(row.class_flips),
            "holds" if row.holds else "FALLS SHORT",
        )
        for row in report.rows
    ]
    header = ("backend", "graph", "output", "vs float32", "vs float64", "noise floor", "ratio", "flips", "verdict")
    print_table(header, rows)
    for name, reason in report.missing.items():
        print(f"missing, not compared: {name} ({reason})")
    worst = max(report.rows, key=lambda row: row.ratio)
    verdict = "answers as PyTorch does" if report.holds else "does NOT answer as PyTorch does"
    print(
        f"{report.bundle} {verdict} on {report.images} images: at most {worst.ratio:.2f} times the noise floor "
        f"({worst.backend}, {worst.output})"
    )
