"""Compare shipped bundles, in each precision, on every backend that can be had here, and seal the reports into them.

docs/parity.md is then written from what is sealed, whatever was compared anew.
"""

import argparse
import sys
from pathlib import Path

from vaeport.bundle.opening import open_bundle, shipped_bundles
from vaeport.common.commands import run_command
from vaeport.common.fileio import write_text
from vaeport.contract import FP32
from vaeport.errors import InputError
from vaeport_export.bundle.sealing import seal_report, sealed_report
from vaeport_export.bundle.subject import subject_of
from vaeport_parity.backends import all_backends
from vaeport_parity.comparison import chosen_backends, compare
from vaeport_parity.reporting.files import print_report, write_reports
from vaeport_parity.reporting.markdown import markdown
from vaeport_parity.running.environments import install
from vaeport_train.data import FolderOptions, load_dataset

ROOT = Path(__file__).resolve().parent.parent

_LOWER_LIMIT = 180.0  # seconds for each backend below float32, where most have no duty


def main() -> int:
    """Install, compare, seal, write; 1 if a bundle does not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundles", nargs="*", help="names of shipped bundles (default: all)")
    parser.add_argument("--precision", action="append", help="which of their precisions (default: all)")
    parser.add_argument("--backends", default="all", help="all, or names with commas between")
    parser.add_argument("--data", default="mnist", help="data set whose test images are compared on")
    parser.add_argument("--data-dir", help="folder of its files (default: VAEPORT_DATA_DIR, or download once)")
    parser.add_argument("--time-limit", type=float, default=900, help="seconds for each backend")
    parser.add_argument("--out", default=ROOT / "out/parity", help="folder for the other reports")
    arguments = parser.parse_args()
    names = chosen_backends(arguments.backends)
    shipped = shipped_bundles()
    everything = [(name, p) for name in sorted(shipped) for p in open_bundle(shipped[name]).manifest.precisions]
    _check("bundle", arguments.bundles, [bundle for bundle, _ in everything])
    _check("precision", arguments.precision or [], [precision for _, precision in everything])
    for name in names:
        print(f"{name}: {install(all_backends()[name].facts)}", flush=True)
    for bundle, precision in everything:
        if bundle in (arguments.bundles or shipped) and precision in (arguments.precision or [precision]):
            _compare(shipped[bundle], precision, names, arguments)
    reports = [sealed_report(open_bundle(shipped[bundle]), precision) for bundle, precision in everything]
    write_text(ROOT / "docs/parity.md", markdown(reports))
    return 0 if all(report.holds for report in reports) else 1


def _check(what: str, given: list[str], known: list[str]) -> None:
    if unknown := [name for name in given if name not in known]:
        raise InputError(f"unknown {what} {unknown[0]!r}; known are {', '.join(dict.fromkeys(known))}")


def _compare(path: Path, precision: str, names: list[str], arguments: argparse.Namespace) -> None:
    """Float32 on all test images; below it on the probes, since the export has judged those on the test images."""
    bundle = open_bundle(path)
    images, limit = None, min(arguments.time_limit, _LOWER_LIMIT)
    if precision == FP32:
        options = FolderOptions(bundle.manifest.shapes.image)
        dataset = load_dataset(arguments.data, data_dir=arguments.data_dir, folder_options=options)
        images, limit = dataset.evaluation_images(), arguments.time_limit
    report = compare(
        subject_of(bundle, precision, images=images),
        names,
        limit=limit,
        progress=lambda name: print(f"{path.name}, {precision}: {name}", flush=True),
    )
    print_report([report])
    write_reports([report], Path(arguments.out, f"{path.name}-{precision}"))
    seal_report(bundle, report)


if __name__ == "__main__":
    sys.exit(run_command("make parity", main))
