"""The command `vaeport-parity`: prove a bundle against the PyTorch network it came from."""

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from vaeport.bundle.folder import DEFAULT_BUNDLE, Bundle, open_bundle
from vaeport.common.commands import command_parser, positive_int, print_json, run_command
from vaeport.common.extras import needs_extra
from vaeport.errors import CheckFailedError, InputError, SealError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_EXAMPLES = """  vaeport-parity models/mnist
  vaeport-parity models/mnist --data mnist                    on the 10,000 test images too
  vaeport-parity models/mnist --backends onnxruntime-all,tract --install --report out/parity
  vaeport-parity models/mnist --precision int8
  vaeport-parity models/mnist --seal                          put the report into the bundle as parity.json"""


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point of the console script."""
    parser = command_parser(
        "vaeport-parity",
        "Compare a bundle's two graphs, on every backend that is installed, with the PyTorch network they came from.\n"
        "Errors are largest absolute differences; the ratio is the error in units of PyTorch's own rounding noise\n"
        "(float32 against float64). A row holds up to a ratio of 4, with no class flipped. Each backend runs in a\n"
        "process of its own; one that is not installed is listed as missing, never as passed.",
        examples=_EXAMPLES,
    )
    parser.add_argument(
        "bundle", nargs="?", default=DEFAULT_BUNDLE, help="folder or shipped name (default: %(default)s)"
    )
    parser.add_argument(
        "--backends",
        default="all",
        metavar="NAMES",
        help="all, own (what vaeport brings), or names with commas between",
    )
    parser.add_argument(
        "--precision", default="fp32", metavar="NAME", help="which of the bundle's precisions (default: %(default)s)"
    )
    parser.add_argument("--install", action="store_true", help="first make environments for backends that are missing")
    parser.add_argument("--data", metavar="NAME", help="compare on the test images of this data set too, such as mnist")
    parser.add_argument("--data-dir", metavar="DIR", help="folder of the data set's original files")
    parser.add_argument(
        "--time-limit", type=positive_int, default=600, metavar="S", help="seconds for each backend (default: 600)"
    )
    parser.add_argument("--report", metavar="DIR", help="write parity.json, junit.xml, parity.md and index.html there")
    parser.add_argument("--seal", action="store_true", help="seal the report into the bundle")
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")
    arguments = parser.parse_args(argv)
    return run_command("vaeport-parity", lambda: _run(arguments))


def _run(arguments: argparse.Namespace) -> int:
    try:
        bundle = open_bundle(arguments.bundle)
    except SealError as error:
        raise CheckFailedError(str(error)) from error
    with needs_extra("export"):
        from vaeport_export.bundle.sealing import seal_report
        from vaeport_export.bundle.subject import subject_of

        from .backends import all_backends
        from .comparison import chosen_backends, compare_backends
        from .reporting.files import print_report, write_reports
        from .running.environments import install
        from .running.progress import Steps
    names = chosen_backends(arguments.backends)
    images = _images(arguments, bundle) if arguments.data else None
    subject = subject_of(bundle, arguments.precision)
    with Steps("parity") as steps:
        if arguments.install:
            for name in names:
                steps(f"installing {name}")
                outcome = install(all_backends()[name].facts)
                if not outcome.succeeded:
                    print(f"{name} {outcome}", file=sys.stderr)
        report = compare_backends(subject, names, images=images, limit=arguments.time_limit, progress=steps)
    if arguments.report:
        write_reports(report, arguments.report)
    if arguments.seal:
        seal_report(bundle, report)
    if arguments.json:
        print_json(report.to_dict())
    else:
        print_report(report)
    return 0 if report.holds else 1


def _images(arguments: argparse.Namespace, bundle: Bundle) -> "NDArray[Any]":
    with needs_extra("train"):
        from vaeport_train.data import FolderOptions, load_dataset
    shape = bundle.manifest.shapes.image
    dataset = load_dataset(arguments.data, data_dir=arguments.data_dir, folder_options=FolderOptions(shape))
    if dataset.image_shape != shape:
        raise InputError(f"{bundle.path} takes images {list(shape)}, {dataset.name} has {list(dataset.image_shape)}")
    return dataset.evaluation_images()
