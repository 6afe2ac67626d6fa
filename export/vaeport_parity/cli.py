"""The command `vaeport-parity`: compare ONNX graphs, or a bundle, with what they were made from."""

import argparse
import dataclasses
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from vaeport.common.commands import command_parser, positive_int, print_json, run_command
from vaeport.common.extras import needs_extra
from vaeport.errors import InputError

if TYPE_CHECKING:
    from typing import TypeAlias

    from .reporting.report import Report
    from .subjects.subject import Subject

    Compared: TypeAlias = tuple[tuple[Report, ...], tuple[Subject, ...]]

_EXAMPLES = """  vaeport-parity encoder.onnx --reference my_models.py:build --weights w.safetensors --inputs inputs.npz
  vaeport-parity candidate.onnx --reference original.onnx     converted, optimised or rounded by any tool
  vaeport-parity candidate.onnx --reference recorded.npz --tolerance 1e-4
  vaeport-parity encoder.onnx decoder.onnx --reference nets.py:encoder --reference nets.py:decoder
  vaeport-parity models/mnist                                 a bundle, in every precision that it has
  vaeport-parity models/mnist --backends own,openvino --install --report out/parity
  vaeport-parity models/mnist --precision int8 --data mnist --seal"""

_DESCRIPTION = """Compare ONNX graphs, on every backend that is installed, with what they were made from: a PyTorch
module, an exported program, another ONNX file, or recorded answers. Each float output may differ by four times
the reference's own rounding noise (its native answers against float64); integers and booleans must be equal.
Each backend runs in a process of its own; one that is not installed is listed as missing, never as passed."""


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point of the console script."""
    given = list(sys.argv[1:] if argv is None else argv)
    arguments = _parser().parse_args(given)
    return run_command("vaeport-parity", lambda: _run(arguments, shlex.join(["vaeport-parity", *given])))


def _parser() -> argparse.ArgumentParser:
    parser = command_parser("vaeport-parity", _DESCRIPTION, examples=_EXAMPLES)
    parser.add_argument(
        "paths",
        nargs="*",
        metavar="PATH",
        help="ONNX files in the order in which they run, or a bundle (default: mnist)",
    )
    graphs = parser.add_argument_group("graphs")
    graphs.add_argument(
        "--reference",
        action="append",
        default=[],
        metavar="REF",
        help="what a graph is compared with, once for each: FILE.py:NAME (your own file, which is run: a module, or a "
        "function that returns one), another .onnx file, an .npz file of recorded inputs and outputs, or a .pt2 "
        "archive (only one of your own: reading it unpickles what it holds)",
    )
    graphs.add_argument(
        "--weights", metavar="FILE", help=".safetensors file for the module (or .pt, .pth with nothing but tensors)"
    )
    graphs.add_argument("--inputs", metavar="FILE", help=".npz file of input arrays by name; else inputs are drawn")
    graphs.add_argument(
        "--range",
        action="append",
        default=[],
        dest="ranges",
        metavar="NAME=LOW:HIGH",
        help="range of a drawn input, LOW <= x < HIGH",
    )
    graphs.add_argument(
        "--scores", action="append", default=[], metavar="NAME", help="output whose largest entry is a class"
    )
    graphs.add_argument(
        "--tolerance",
        action="append",
        default=[],
        metavar="[NAME=]BOUND",
        help="largest absolute error allowed, in place of the measured bound",
    )
    graphs.add_argument("--seed", type=int, default=0, metavar="N", help="seed of drawn inputs (default: 0)")
    bundles = parser.add_argument_group("bundles")
    bundles.add_argument(
        "--precision",
        action="append",
        default=[],
        metavar="NAME",
        help="compare this precision of the bundle alone; may be given several times (default: all)",
    )
    bundles.add_argument(
        "--data",
        metavar="NAME",
        help="compare on the test images of this data set too, such as mnist; none leaves out the 5,000 digits that a "
        "bundle of 28 x 28 grey images is compared on by default",
    )
    bundles.add_argument("--data-dir", metavar="DIR", help="folder of the data set's original files")
    bundles.add_argument(
        "--trusted",
        action="store_true",
        help="you trust the bundle's author: allow control flow and costs beyond the limits in its graphs",
    )
    bundles.add_argument("--seal", action="store_true", help="seal each precision's report into the bundle")
    parser.add_argument(
        "--backends",
        default="all",
        metavar="NAMES",
        help="all, own (what vaeport brings), or names with commas between; NAME==VERSION is another version of one, "
        "NAME@x86-64-v3 (or x86-64-v2, armv8.0-a, armv8.2-a) one on another processor",
    )
    parser.add_argument("--install", action="store_true", help="first make environments for backends that are missing")
    parser.add_argument(
        "--time-limit", type=positive_int, default=600, metavar="S", help="seconds for each backend (default: 600)"
    )
    parser.add_argument(
        "--timings", action="store_true", help="measure durations too, one backend after the other (slower)"
    )
    parser.add_argument("--no-locate", action="store_true", help="do not look for the node where an error begins")
    parser.add_argument("--report", metavar="DIR", help="write parity.json, junit.xml, parity.md and index.html there")
    parser.add_argument(
        "--baseline",
        metavar="PATH",
        help="parity.json of an earlier run, or its report folder: fail where a ratio has grown although it holds",
    )
    parser.add_argument(
        "--max-growth",
        type=float,
        metavar="FACTOR",
        help="how many times as large as in the baseline a ratio may be (default: 2)",
    )
    parser.add_argument(
        "--reproducer",
        metavar="DIR",
        help="write there, for each backend and graph that falls short, the smallest graph that still does, with its "
        "inputs, a script that shows it and the text of an issue; --report does so for backends that decide",
    )
    parser.add_argument("--verbose", action="store_true", help="print a line for every output")
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")
    return parser


def _run(arguments: argparse.Namespace, command: str) -> int:
    _check_usage(arguments)
    with needs_extra("export"):
        from .reporting.files import REPRODUCERS, print_report
        from .reporting.github import tell_github
        from .reporting.report import Reports
        from .running.progress import Steps
    with Steps("parity") as steps:
        compared = _graphs_compared if arguments.reference else _subject_compared
        reports, subjects = compared(arguments, steps)
    if arguments.seal:
        _seal(reports, subjects)
    if arguments.baseline:
        reports = _with_growth(reports, Path(arguments.baseline), arguments.max_growth)
    whole = Reports(reports)
    if arguments.report:
        whole.write(arguments.report)
    if arguments.report or arguments.reproducer:
        from .reproducing.driver import tell_reproducers, write_reproducers

        if arguments.reproducer:
            write_reproducers(reports, arguments.reproducer)
        else:
            tell_reproducers(reports, Path(arguments.report) / REPRODUCERS, reasons=False)
    if arguments.json:
        print_json(whole.to_dict())
    else:
        print_report(reports, verbose=arguments.verbose, command=command)
    tell_github(reports, path=arguments.paths[0] if len(arguments.paths) == 1 else "")
    return 0 if whole.holds else 1


def _seal(reports: "Sequence[Report]", subjects: "Sequence[Subject]") -> None:
    for report, subject in zip(reports, subjects, strict=True):
        if subject.seal is None:
            raise InputError(f"{subject.name} has no place for a report; use --report DIR")
        subject.seal(report)


def _with_growth(reports: "Sequence[Report]", old: Path, factor: float | None) -> "tuple[Report, ...]":
    """The reports with what has grown since a baseline among their findings."""
    from .judging.baseline import MAX_GROWTH, compare_with_baseline

    found = compare_with_baseline(reports, old, factor or MAX_GROWTH)
    return tuple(
        dataclasses.replace(report, findings=(*report.findings, *findings))
        for report, findings in zip(reports, found, strict=True)
    )


def _check_baseline(path: str | None, factor: float | None) -> None:
    from .judging.baseline import MAX_GROWTH, check_baseline

    if path is not None:
        check_baseline(Path(path), MAX_GROWTH if factor is None else factor)
    elif factor is not None:
        raise InputError(f"--max-growth {factor:g} needs something to have grown from; give --baseline PATH")


def _check_usage(arguments: argparse.Namespace) -> None:
    """Refuse options that do nothing here, before anything is imported."""
    paths: list[str] = arguments.paths
    _check_baseline(arguments.baseline, arguments.max_growth)
    if not arguments.reference:
        if any(path.endswith(".onnx") for path in paths):
            raise InputError(
                f"{paths[0]} needs something to compare with; give --reference FILE.py:NAME, original.onnx or "
                "recorded.npz"
            )
        if len(paths) > 1:
            raise InputError(f"give one bundle at a time; got {', '.join(paths)}")
        for name in ("weights", "inputs", "ranges", "scores", "tolerance"):
            if getattr(arguments, name):
                raise InputError(
                    f"--{name.removesuffix('s') if name == 'ranges' else name} goes with ONNX files and --reference"
                )
        return
    if len(paths) != len(arguments.reference):
        raise InputError(
            f"got {len(paths)} ONNX file(s) and {len(arguments.reference)} reference(s); give one --reference for each"
        )
    for name in ("precision", "data", "seal"):
        if getattr(arguments, name):
            raise InputError(f"--{name} goes with a bundle, not with ONNX files")


def _graphs_compared(arguments: argparse.Namespace, steps: Callable[[str], None]) -> "Compared":
    from .checking import check

    bounds = _bounds(arguments.tolerance)
    names = _graph_names(arguments.paths)
    alone = len(names) == 1
    candidates = dict(zip(names, arguments.paths, strict=True))
    references = dict(zip(names, arguments.reference, strict=True))
    report = check(
        arguments.paths[0] if alone else candidates,
        reference=arguments.reference[0] if alone else references,
        weights=arguments.weights,
        inputs=arguments.inputs if alone or not arguments.inputs else {names[0]: arguments.inputs},
        ranges=dict(map(_range, arguments.ranges)),
        scores=[name for text in arguments.scores for name in text.split(",")],
        tolerance=bounds,
        backends=arguments.backends,
        install=arguments.install,
        time_limit=arguments.time_limit,
        locate=not arguments.no_locate,
        reproduce=_reproduce(arguments),
        seed=arguments.seed,
        progress=steps,
    )
    return (report,), ()


def _subject_compared(arguments: argparse.Namespace, steps: Callable[[str], None]) -> "Compared":
    with needs_extra("export"):
        from .comparison import chosen_backends, compare_all, install_backends, subjects_at
        from .subjects.subject import SubjectOptions
    chosen = chosen_backends(arguments.backends)
    path = arguments.paths[0] if arguments.paths else ""
    options = SubjectOptions("", arguments.data, arguments.data_dir, arguments.trusted)
    subjects = subjects_at(path, options, arguments.precision)
    if arguments.install:
        install_backends(chosen, steps)
    reports = compare_all(
        subjects,
        chosen,
        limit=arguments.time_limit,
        timed=arguments.timings,
        locate=not arguments.no_locate,
        reproduce=_reproduce(arguments),
        progress=steps,
    )
    return reports, subjects


def _reproduce(arguments: argparse.Namespace) -> 'Literal["no", "deciding", "all"]':
    """For which backends the smallest graph is made."""
    return "all" if arguments.reproducer else "deciding" if arguments.report else "no"


def _graph_names(paths: Sequence[str]) -> list[str]:
    """Names for files: what tells them apart."""
    if len(paths) == 1:
        return ["graph"]
    stems = [Path(path).stem for path in paths]
    if len(set(stems)) < len(stems):
        stems = [Path(path).resolve().parent.name for path in paths]
    if len(set(stems)) < len(stems):
        stems = [f"graph{index + 1}" for index in range(len(paths))]
    return stems


def _range(text: str) -> tuple[str, tuple[float, float]]:
    name, _, limits = text.rpartition("=")
    low, _, high = limits.partition(":")
    try:
        numbers = float(low), float(high)
    except ValueError as error:
        raise InputError(f"--range {text}: give NAME=LOW:HIGH, such as tokens=0:99") from error
    if not name:
        raise InputError(f"--range {text}: give NAME=LOW:HIGH, such as tokens=0:99")
    return name, numbers


def _bounds(texts: Sequence[str]) -> float | dict[str, float] | None:
    bounds: dict[str, float] = {}
    for text in texts:
        name, _, bound = text.rpartition("=")
        try:
            bounds[name] = float(bound)
        except ValueError as error:
            raise InputError(f"--tolerance {text}: give a number such as 1e-4, or NAME=NUMBER") from error
    if "" in bounds and len(bounds) > 1:
        raise InputError("--tolerance: give one number for all outputs, or NAME=NUMBER for each")
    return bounds.get("", bounds) or None
