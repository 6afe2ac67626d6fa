"""Compare backends with PyTorch, and the bundle's recorded answers too."""

import dataclasses
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vaeport.bundle.golden import parse_golden
from vaeport.checks.comparison import flipped_rows
from vaeport.contract import CLASS_PROBS, FP32, GOLDEN_FILE, GRAPHS
from vaeport.errors import InputError
from vaeport_export.bundle.subject import Subject

from .asking.bundle_job import bundle_job
from .asking.steps import Questions, fewer_images, questions
from .backends import OWN_BACKENDS, all_backends
from .judging.chain import with_shares
from .judging.figures import figures
from .judging.measurement import measure
from .judging.preflight import golden_findings, preflight
from .locating.ladder import Ladder
from .locating.locate import Locator
from .locating.node_search import NodeSearch
from .reference.expected import expected_answers
from .reporting.report import BackendReport, ParityReport, ParityRow
from .running.execution import Job, run_backend
from .running.machine import machine

TIME_LIMIT = 600.0
"""Seconds that a backend may take, unless another limit is given."""

_SEARCH_SHARE = 0.25  # of the time limit, for the node that a backend computes wrongly


def chosen_backends(text: str) -> list[str]:
    """Names of backends from `all`, `own` (what vaeport's own extras bring) or names with commas between.

    Raises:
        InputError: no such backend.
    """
    groups = {"all": list(all_backends()), "own": list(OWN_BACKENDS)}
    return groups.get(text) or _known([name.strip() for name in text.split(",")])


def fitting(names: list[str], precision: str) -> list[str]:
    """Backends that can be compared in a precision; below float32 without those that run the PyTorch original."""
    backends = all_backends()
    return [name for name in names if precision == FP32 or not backends[name].facts.from_original]


def compare_backends(
    subject: Subject,
    names: Sequence[str] | None = None,
    *,
    images: NDArray[np.uint8] | None = None,
    limit: float = TIME_LIMIT,
    isolated: bool = True,
    progress: Callable[[str], None] = lambda _: None,
) -> ParityReport:
    """Compare backends with PyTorch on the probes, in several batch sizes, and on more images if given.

    Args:
        subject: the bundle with its checkpoint.
        names: backends of `BACKENDS`; None takes all.
        images: uint8 [N, C, H, W], to compare on beside the probes; the decoder gets their posterior means.
        limit: seconds that each backend may take.
        isolated: whether each backend runs in a process of its own, and is timed; only vaeport's own may do without.
        progress: called with the name of each backend before it runs.

    Raises:
        InputError: no such backend, or below float32 none but such as run the PyTorch original.
    """
    asked_for = list(all_backends()) if names is None else _known(names)
    chosen = fitting(asked_for, subject.precision)
    if asked_for and not chosen:
        raise InputError(f"{', '.join(asked_for)} runs the PyTorch original, which is float32; give others to compare")
    asked = questions(subject, images=images, timed=isolated)
    rows, backends = _golden_rows(subject), []
    with tempfile.TemporaryDirectory(prefix="vaeport-parity-") as place:
        job = bundle_job(subject, asked, Path(place, "job"))
        parts = Path(place, "parts")
        parts.mkdir()
        ladder = Ladder(subject, asked, job, parts, limit, isolated)
        for name in chosen:
            progress(name)
            folder = Path(place, name)
            compared, found = _compare(subject, name, asked, job, folder, limit=limit, isolated=isolated)
            backends.append(compared)
            ladder.rows[name] = tuple(found)
            rows += found
            shutil.rmtree(folder, ignore_errors=True)
        locator = Locator(ladder, NodeSearch(subject, asked, parts, _SEARCH_SHARE * limit, isolated))
        for index, one in enumerate(backends):
            if any(not row.holds for row in ladder.rows[one.name]):
                progress(f"{one.name}: looking for the place")
                first = locator.place(one.name)
                backends[index] = dataclasses.replace(one, place=first.text, rung=first.rung)
    name = subject.bundle.manifest.name
    return ParityReport(
        name,
        asked.images,
        tuple(backends),
        tuple(rows),
        (*preflight(subject), *golden_findings(subject, rows)),
        subject.precision,
        test_images=asked.test_images,
        machine=machine() if isolated else "",
    )


def _known(names: Sequence[str]) -> list[str]:
    if unknown := [name for name in names if name not in all_backends()]:
        raise InputError(f"unknown backend {unknown[0]!r}; known are {', '.join(all_backends())}")
    return list(names)


def _compare(
    subject: Subject,
    name: str,
    asked: Questions,
    job: Job,
    folder: Path,
    *,
    limit: float,
    isolated: bool,
) -> tuple[BackendReport, list[ParityRow]]:
    backend = all_backends()[name]
    facts = backend.facts
    counts = facts.counts and subject.precision in facts.precisions
    mine = fewer_images(asked) if facts.slow and subject.convolutional else asked
    outcome = run_backend(backend, dataclasses.replace(job, steps=mine.steps), folder, limit=limit, isolated=isolated)
    if outcome.missing is not None:
        return BackendReport(name, "", counts, facts.remark, outcome.missing), []
    empty_batch = facts.empty_batch and subject.precision == FP32  # in float16 onnxruntime cannot always take one
    measured = measure(name, outcome, mine, subject, empty_batch=empty_batch)
    report = BackendReport(
        name,
        outcome.version,
        counts,
        facts.remark,
        refusals=measured.refusals,
        test_images=mine.test_images,
        milliseconds=measured.milliseconds,
    )
    return report, with_shares(measured.rows, outcome, mine, subject)


def _golden_rows(subject: Subject) -> list[ParityRow]:
    """Compare the recorded answers too: with those of another checkpoint, `vaeport verify` would prove nothing."""
    manifest, rows = subject.bundle.manifest, []
    golden = parse_golden(subject.bundle.read(GOLDEN_FILE), manifest.shapes, manifest.precisions)
    for graph, spec in GRAPHS.items():
        expected = expected_answers(subject, graph, golden.inputs(graph))
        for output in spec.outputs:
            tolerance = subject.tolerances[graph][output]
            recorded = [answers[output] for answers in golden.references(graph, subject.precision)]
            parts = [(answers, expected["float32"][output], expected["float64"][output]) for answers in recorded]
            flips = None
            if output == CLASS_PROBS:
                flipped = [flipped_rows(answers, exact, margin=tolerance.max_abs) for answers, _, exact in parts]
                flips = max(int(np.count_nonzero(rows_flipped)) for rows_flipped in flipped)
            rows.append(
                ParityRow(
                    GOLDEN_FILE,
                    graph,
                    output,
                    figures(parts),
                    tolerance.noise_floor,
                    tolerance.max_abs,
                    len(recorded[0]),
                    flips,
                )
            )
    return rows
