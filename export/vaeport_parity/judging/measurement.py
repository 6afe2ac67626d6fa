"""From what one backend answered to rows of the report."""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaeport.bundle.manifest import Tolerance
from vaeport.checks.comparison import flipped_rows, max_abs_error
from vaeport.contract import CLASS_PROBS, DECODER, ENCODER_CLASSIFIER, GRAPHS, IMAGE
from vaeport.images.scaling import from_uint8
from vaeport_export.bundle.golden import TOLERANCE_FACTOR
from vaeport_export.bundle.subject import Subject

from ..asking.steps import CHAIN, InputSet, Questions, Step
from ..reporting.report import ParityRow
from ..running.execution import Outcome
from .figures import figures

Part = tuple[NDArray[Any], NDArray[Any], NDArray[Any]]
"""Answers of a backend, of PyTorch in float32 and of PyTorch in float64."""

Run = tuple[Step, InputSet, dict[str, NDArray[Any]]]
"""A step, what it was asked on, and its answers by output."""

OUTPUTS = {**{name: spec.outputs for name, spec in GRAPHS.items()}, CHAIN: (IMAGE,)}
"""Outputs that are compared, by graph."""


@dataclass(frozen=True)
class Measured:
    """Rows of one backend, and what it was allowed to refuse."""

    rows: tuple[ParityRow, ...]
    """One a graph and output."""
    refusals: tuple[str, ...]
    """Batches that it did not take, with its reason."""
    milliseconds: dict[str, float]
    """Durations by `graph x batch`."""


def measure(name: str, outcome: Outcome, asked: Questions, subject: Subject, *, empty_batch: bool) -> Measured:
    """Compare everything that a backend answered with PyTorch.

    Args:
        name: name of the backend.
        outcome: what it answered.
        asked: what it was asked.
        subject: the bundle, for its tolerances.
        empty_batch: whether it must take a batch of 0.
    """
    rows, refusals = [], []
    for graph in dict.fromkeys(one.graph for one in asked.sets.values()):
        failed = ""
        for index, step in enumerate(asked.steps):
            if step.graph != graph or index not in outcome.errors:
                continue
            batch = step.stop - step.start
            sentence = f"{graph}, batch {batch}: {outcome.errors[index]}"
            if batch or empty_batch:
                failed = failed or sentence
            else:
                refusals.append(sentence)
        rows += [_row(name, graph, output, outcome, asked, subject, failed) for output in OUTPUTS[graph]]
    milliseconds = {
        f"{asked.steps[index].graph} x {asked.steps[index].stop}": value
        for index, value in outcome.milliseconds.items()
    }
    return Measured(tuple(rows), tuple(refusals), milliseconds)


def tolerance_of(graph: str, output: str, asked: Questions, subject: Subject) -> Tolerance:
    """The bound on an output; for the chain it is measured like the others, but on what it is asked."""
    if graph != CHAIN:
        return subject.tolerances[graph][output]
    expected = asked.sets[CHAIN, "pixels"].expected
    measured = max_abs_error(expected["float32"][IMAGE], expected["float64"][IMAGE])
    floor = max(measured, subject.tolerances[DECODER][IMAGE].noise_floor)
    return Tolerance(TOLERANCE_FACTOR * floor, floor)


def _row(
    name: str, graph: str, output: str, outcome: Outcome, asked: Questions, subject: Subject, failed: str
) -> ParityRow:
    tolerance = tolerance_of(graph, output, asked, subject)
    runs = list(_runs(graph, outcome, asked))
    parts: list[Part] = []
    by_set: dict[str, float] = {}
    for step, one, answers in runs:
        cut = slice(step.start, step.stop)
        part = (answers[output], one.expected["float32"][output][cut], one.expected["float64"][output][cut])
        parts.append(part)
        error = max(max_abs_error(part[0], part[1]), max_abs_error(part[0], part[2]))
        by_set[step.inputs] = max(by_set.get(step.inputs, 0.0), error)
    flips = _flips(runs, tolerance.max_abs) if (graph, output) == (ENCODER_CLASSIFIER, CLASS_PROBS) else None
    return ParityRow(
        backend=name,
        graph=graph,
        output=output,
        figures=figures(parts),
        noise_floor=tolerance.noise_floor,
        tolerance=tolerance.max_abs,
        rows=len({(step.inputs, row) for step, _, _ in runs for row in range(step.start, step.stop)}),
        class_flips=None if flips is None else len(set().union(*flips.values())),
        alone=_alone(graph, output, outcome, asked),
        repeatable=_repeatable(graph, output, outcome, asked),
        failed=failed,
        by_set=by_set,
        flips_by_set={name: len(images) for name, images in (flips or {}).items()},
        worst=_worst(runs, output),
        heat=_heat(parts, tolerance.noise_floor) if output == IMAGE else (),
    )


def _worst(runs: list[Run], output: str) -> tuple[str, int]:
    """Input set and row with the largest error."""
    largest, worst = -1.0, ("", 0)
    for step, one, answers in runs:
        exact = one.expected["float64"][output][step.start : step.stop]
        if not len(exact):
            continue
        errors = np.nan_to_num(np.abs(answers[output] - exact), nan=np.inf).reshape(len(exact), -1).max(axis=1)
        row = int(errors.argmax())
        if errors[row] > largest:
            largest, worst = float(errors[row]), (step.inputs, step.start + row)
    return worst


def _heat(parts: list[Part], noise_floor: float) -> tuple[tuple[float, ...], ...]:
    """Largest difference of each pixel over rows and channels, in noise floors."""
    maps = [
        np.abs(answers.astype(np.float64) - exact).max(axis=(0, 1))
        for answers, _, exact in parts
        if len(answers) and answers.shape == exact.shape
    ]
    if not maps or not noise_floor:
        return ()
    worst = np.nan_to_num(np.max(maps, axis=0) / noise_floor, nan=1e9, posinf=1e9)
    return tuple(tuple(float(value) for value in line) for line in np.round(worst, 2))


def _runs(graph: str, outcome: Outcome, asked: Questions) -> Iterator[Run]:
    for index, step in enumerate(asked.steps):
        if step.graph == graph and index in outcome.answers:
            yield step, asked.sets[graph, step.inputs], outcome.answers[index]


def _flips(runs: list[Run], margin: float) -> dict[str, set[bytes]]:
    """By input set the images whose class changed in any batch; an image of two sets is the same image."""
    flipped: dict[str, set[bytes]] = {}
    for step, one, answers in runs:
        expected = one.expected["float64"][CLASS_PROBS][step.start : step.stop]
        changed = flipped_rows(answers[CLASS_PROBS], expected, margin=margin)
        images: NDArray[Any] = one.inputs[IMAGE][step.start : step.stop][changed]
        floats = from_uint8(images) if images.dtype == np.uint8 else images
        flipped.setdefault(step.inputs, set()).update(image.tobytes() for image in floats)
    return flipped


def _whole(graph: str, name: str, outcome: Outcome, asked: Questions) -> dict[str, NDArray[Any]] | None:
    """Answers to all of an input set at once."""
    whole = Step(graph, name, 0, len(asked.sets[graph, name]))
    return outcome.answers.get(asked.steps.index(whole)) if whole in asked.steps else None


def _alone(graph: str, output: str, outcome: Outcome, asked: Questions) -> float:
    """Largest difference of a row alone from the same row among all."""
    largest = 0.0
    for step, one, answers in _runs(graph, outcome, asked):
        if step.stop - step.start == 1 < len(one):
            together = _whole(graph, step.inputs, outcome, asked)
            if together is not None:
                alike = together[output][step.start : step.stop]
                largest = max(largest, max_abs_error(answers[output], alike))
    return largest


def _repeatable(graph: str, output: str, outcome: Outcome, asked: Questions) -> bool:
    """Whether a batch that was run twice came out the same, bit for bit."""
    for index, step in enumerate(asked.steps):
        if (step.graph, step.kind) == (graph, "again") and index in outcome.answers:
            first = outcome.answers.get(asked.steps.index(dataclasses.replace(step, kind="run")))
            return first is None or first[output].tobytes() == outcome.answers[index][output].tobytes()
    return True
