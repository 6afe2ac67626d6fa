"""The command `vaeport-export`: a run becomes a sealed, proven bundle."""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

from vaeport.commands import command_parser, print_json, run_command
from vaeport.extras import needs_extra

_EXAMPLES = """  vaeport-export runs/first -o out/first
  vaeport-export runs/blog -o models/mnist-blog --name mnist-blog --replace
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
    parser.add_argument("--replace", action="store_true", help="replace a bundle that stands there, in one step")
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")
    arguments = parser.parse_args(argv)
    return run_command("vaeport-export", lambda: _run(arguments))


def _run(arguments: argparse.Namespace) -> int:
    with needs_extra("export"):
        from .pipeline import ExportOptions, export_bundle
        from .progress import Steps
    began = time.perf_counter()
    options = ExportOptions(
        name=arguments.name or Path(arguments.output).absolute().name,
        version=arguments.bundle_version,
        description=arguments.description,
        opset=arguments.opset,
        replace=arguments.replace,
    )
    with Steps("export") as steps:
        report = export_bundle(arguments.folder, arguments.output, options, progress=steps)
    worst = max(row.ratio for row in report.rows)
    seconds = time.perf_counter() - began
    if arguments.json:
        print_json({"bundle": arguments.output, "name": options.name, "worst_ratio": worst, "seconds": seconds})
    else:
        print(
            f"{arguments.output}: sealed in {seconds:.0f} s; at most {worst:.2f} times PyTorch's noise floor (limit 4)"
        )
        print(f"next: vaeport verify {arguments.output}, or vaeport generate -b {arguments.output} -o digits.png")
    return 0
