"""Compare shipped bundles, in each precision, on every backend that can be had here, and seal the reports into them.

docs/parity.md is then written from what is sealed and from what is kept in docs/parity: a small file for each
processor, and one of onnxruntime's releases. `--keep` keeps this processor's lines, `--levels` compares on others that
can be had here by switches and emulators, `--releases` compares onnxruntime's releases; none of these seals.
"""

import argparse
import dataclasses
import sys
from collections.abc import Callable
from pathlib import Path

from vaeport.bundle.opening import open_bundle, shipped_bundles
from vaeport.common.commands import run_command
from vaeport.common.fileio import write_text
from vaeport.contract import FP32
from vaeport.errors import InputError
from vaeport_export.bundle.sealing import seal_report, sealed_report
from vaeport_export.bundle.subject import subject_of
from vaeport_parity.backends import all_backends
from vaeport_parity.backends.processors import LEVELS
from vaeport_parity.backends.versions import backend_named
from vaeport_parity.comparison import chosen_backends, compare
from vaeport_parity.reporting.drift import Release, drift_markdown, drift_of, read_drift, write_drift
from vaeport_parity.reporting.files import print_report, write_reports
from vaeport_parity.reporting.markdown import markdown
from vaeport_parity.reporting.processors import Kept, failures, keep, lines_of, merge, processors_markdown, read_kept
from vaeport_parity.running.environments import install
from vaeport_parity.running.machine import processor
from vaeport_train.data import FolderOptions, load_dataset

ROOT = Path(__file__).resolve().parent.parent

KEPT = ROOT / "docs/parity"
"""Folder of what is kept."""

RELEASES = KEPT / "releases.json"
"""The drift of onnxruntime's releases; texts beside it, `*.md`, are part of the page."""

_RELEASES = (13, 14, 15, *range(23, 33))
"""Minor versions of onnxruntime: those around the first that reads the graphs, and the last ten."""

_NOT_EMULATED = {"litert": "its converter, TensorFlow, needs AVX, and takes minutes to start in qemu"}
_LOWER_LIMIT = 180.0  # seconds for each backend below float32, where most have no duty


def main() -> int:
    """Install, compare, seal or keep, write; 1 if a bundle does not hold, on this processor or on another."""
    arguments = _arguments()
    shipped = shipped_bundles()
    everything = [(name, p) for name in sorted(shipped) for p in open_bundle(shipped[name]).manifest.precisions]
    _check("bundle", arguments.bundles, [bundle for bundle, _ in everything])
    _check("precision", arguments.precision or [], [precision for _, precision in everything])
    chosen = [
        (shipped[bundle], precision)
        for bundle, precision in everything
        if bundle in (arguments.bundles or shipped) and precision in (arguments.precision or [precision])
    ]
    if arguments.releases:
        _compare_releases(chosen, arguments)
    if arguments.levels:
        _compare_levels(chosen, arguments)
    if not (arguments.releases or arguments.levels or arguments.page):
        names = chosen_backends(arguments.backends)
        _install(names)
        for path, precision in chosen:
            _compare(path, precision, names, arguments)
    reports = [sealed_report(open_bundle(shipped[bundle]), precision) for bundle, precision in everything]
    if arguments.keep:
        here = processor()
        own = [report for report in reports if report.processor in ("", str(here))]
        found = Kept(str(here), here.level, tuple(line for report in own for line in lines_of(report)))
        print(f"kept: {keep(found, KEPT)}")
    kept = [read_kept(file) for file in sorted(KEPT.glob("*.json")) if file != RELEASES]
    write_text(ROOT / "docs/parity.md", _page(markdown(reports), kept))
    for sentence in (wrong := failures(merge(kept))):
        print(sentence)
    return 0 if all(report.holds for report in reports) and not wrong else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundles", nargs="*", help="names of shipped bundles (default: all)")
    parser.add_argument("--precision", action="append", help="which of their precisions (default: all)")
    parser.add_argument("--backends", default="all", help="all, or names with commas between")
    parser.add_argument("--data", default="mnist", help="data set whose test images are compared on")
    parser.add_argument("--data-dir", help="folder of its files (default: VAEPORT_DATA_DIR, or download once)")
    parser.add_argument("--time-limit", type=float, default=900, help="seconds for each backend")
    parser.add_argument("--out", default=ROOT / "out/parity", help="folder for the other reports")
    parser.add_argument("--keep", action="store_true", help="keep what is sealed as this processor's in docs/parity")
    parser.add_argument(
        "--levels",
        type=lambda text: text.split(","),
        default=[],
        help=f"instead, compare on other instruction sets and keep that: {', '.join(LEVELS)}",
    )
    parser.add_argument("--releases", action="store_true", help="instead, compare onnxruntime's releases and keep that")
    parser.add_argument("--page", action="store_true", help="instead, only write docs/parity.md")
    return parser.parse_args()


def _page(page: str, kept: list[Kept]) -> str:
    """The page, with what is kept before the first bundle's section."""
    parts = [processors_markdown(kept)] if kept else []
    if RELEASES.is_file():
        parts.append(drift_markdown(read_drift(RELEASES)))
    parts += [file.read_text() for file in sorted(KEPT.glob("*.md"))]
    head, title, rest = page.partition("## The backends\n")
    return "\n".join([head.rstrip() + "\n", *parts, title + rest])


def _check(what: str, given: list[str], known: list[str]) -> None:
    if unknown := [name for name in given if name not in known]:
        raise InputError(f"unknown {what} {unknown[0]!r}; known are {', '.join(dict.fromkeys(known))}")


def _install(names: list[str]) -> None:
    for name in names:
        print(f"{name}: {install(backend_named(name).facts)}", flush=True)


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
        progress=_teller(path, precision),
    )
    print_report([report])
    write_reports([report], Path(arguments.out, f"{path.name}-{precision}"))
    seal_report(bundle, report)


def _compare_levels(chosen: list[tuple[Path, str]], arguments: argparse.Namespace) -> None:
    """Keep what backends answer that can be limited to instruction sets; the others are named with the reason."""
    names = []
    for level in arguments.levels:
        _check("instruction set", [level], list(LEVELS))
        for name in all_backends() if arguments.backends == "all" else chosen_backends(arguments.backends):
            if name in _NOT_EMULATED:
                print(f"{name}@{level} is left out: {_NOT_EMULATED[name]}", flush=True)
                continue
            try:
                names.append(backend_named(f"{name}@{level}").facts.name)
            except ValueError as error:
                print(error, flush=True)
    _install(names)
    for path, precision in chosen:
        report = compare(
            subject_of(open_bundle(path), precision),
            names,
            limit=arguments.time_limit,
            timed=False,
            locate=False,
            progress=_teller(path, precision),
        )
        print_report([report])
        write_reports([report], Path(arguments.out, f"{path.name}-{precision}-levels"))
        for level in arguments.levels:
            own = tuple(one for one in report.backends if one.name.endswith(f"@{level}"))
            lines = lines_of(dataclasses.replace(report, backends=own))
            keep(Kept(f"{level} ({LEVELS[level].said})", level, tuple(lines)), KEPT)


def _compare_releases(chosen: list[tuple[Path, str]], arguments: argparse.Namespace) -> None:
    """Keep how the answers of onnxruntime move from release to release."""
    names = chosen_backends([f"onnxruntime==1.{minor}.*" for minor in _RELEASES])
    _install(names)
    releases: list[Release] = []
    for path, precision in chosen:
        releases += drift_of(
            subject_of(open_bundle(path), precision),
            names,
            limit=arguments.time_limit,
            progress=_teller(path, precision),
        )
        KEPT.mkdir(parents=True, exist_ok=True)
        write_drift(releases, RELEASES)


def _teller(path: Path, precision: str) -> Callable[[str], None]:
    return lambda name: print(f"{path.name}, {precision}: {name}", flush=True)


if __name__ == "__main__":
    sys.exit(run_command("make parity", main))
