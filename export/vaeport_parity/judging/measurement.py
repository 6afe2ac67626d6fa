"""From what one backend answered to rows of the report."""

import dataclasses
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaeport.checks.comparison import error_ratio, flipped_rows, max_abs_error

from ..asking.steps import Plan, Step
from ..running.execution import Outcome
from ..subjects.tensors import Arrays
from .bounds import NO_BOUND, Bounds
from .figures import comparable, figures
from .report import Row

Part = tuple[NDArray[Any], NDArray[Any], NDArray[Any]]
"""Answers of a backend, of the native reference and of the float64 reference."""

_IMAGE_CHANNELS = (1, 3)
_NEAR = 0.5  # part of a bound within which a native difference settles that a given row holds
_LARGEST = 1e9


@dataclass(frozen=True)
class Measured:
    """Rows of one backend, and what it was allowed to refuse."""

    rows: tuple[Row, ...]
    """One a graph and output."""
    refusals: tuple[str, ...]
    """Batches that it did not take, with its reason."""
    milliseconds: dict[str, float]
    """Durations by `graph x batch`."""


@dataclass(frozen=True, eq=False)
class _Run:
    """Answers to one step for one output, beside the right ones."""

    step: Step
    part: Part
    in_doubt: int
    spared: bool = False
    """Whether native answers stand in for float64 ones."""

    @cached_property
    def error(self) -> float:
        """The larger of the differences from the native and from the float64 reference."""
        return max(max_abs_error(self.part[0], self.part[1]), max_abs_error(self.part[0], self.part[2]))


def measure(name: str, outcome: Outcome, plan: Plan, bounds: Bounds, *, empty_batch: bool) -> Measured:
    """Compare everything that a backend answered with the reference.

    Args:
        name: name of the backend.
        outcome: what it answered.
        plan: what it was asked.
        bounds: how far its answers may be off.
        empty_batch: whether it must take a batch of 0.
    """
    rows, refusals = [], []
    for graph, outputs in plan.subject.outputs.items():
        failed: tuple[str, Step | None] = "", None
        for index, step in plan.steps_of(graph):
            if index not in outcome.errors:
                continue
            batch = step.stop - step.start
            where = f"{graph}, batch {batch}" if plan.set_of(step).batched else f"{graph}, {step.inputs}"
            sentence = f"{where}: {outcome.errors[index]}"
            if batch or empty_batch:
                failed = failed if failed[0] else (sentence, step)
            else:
                refusals.append(sentence)
        rows += [_row(name, graph, output, outcome, plan, bounds, failed) for output in outputs]
    milliseconds = {
        f"{plan.steps[index].graph} x {plan.steps[index].stop}": value for index, value in outcome.milliseconds.items()
    }
    return Measured(tuple(rows), tuple(refusals), milliseconds)


def recorded_rows(plan: Plan, bounds: Bounds) -> Iterator[Row]:
    """Rows of recorded answers that are judged too: with those of another network, checking them would prove nothing.

    Args:
        plan: the subject, with its recorded answers.
        bounds: how far answers may be off.
    """
    for recorded in plan.subject.recorded:
        graph = plan.subject.graph(recorded.graph)
        native, exact = (plan.expectations.run(graph.name, recorded.inputs, p) for p in ("native", "float64"))
        for spec in graph.outputs:
            bound = bounds.of(graph.name, spec.name)
            parts: list[Part] = []
            for answers in recorded.answers:
                left, middle, right = comparable(answers[spec.name], native[spec.name], exact[spec.name])
                parts.append((left, middle, right))
            flips = None
            if spec.name in graph.scores:
                changed = [
                    flipped_rows(_classes(answers), _classes(right), margin=bound.max_abs)
                    for answers, _, right in parts
                ]
                flips = max(int(np.count_nonzero(each)) for each in changed)
            yield Row(
                recorded.file,
                graph.name,
                spec.name,
                figures(parts),
                bound.noise_floor,
                bound.max_abs,
                len(parts[0][0]),
                exact=not spec.is_float,
                mismatches=0 if spec.is_float else sum(_mismatches(part) for part in parts),
                flips=flips,
            )


def row_of(
    name: str,
    graph: str,
    output: str,
    parts: Iterable[tuple[Step, NDArray[Any]]],
    plan: Plan,
    bounds: Bounds,
    *,
    failed: str = "",
) -> Row:
    """A row from answers of one output.

    Args:
        name: name of the backend.
        graph: name of the graph or the chain.
        output: name of the output.
        parts: steps with the answers to them.
        plan: what was asked.
        bounds: how far answers may be off.
        failed: what was said where there was no answer.
    """
    runs = [_run(step, answers, output, plan, bounds) for step, answers in parts]
    exact = bounds.of(graph, output) is NO_BOUND
    by_scale: dict[str, list[_Run]] = {}
    for run in runs:
        by_scale.setdefault(plan.set_of(run.step).scale, []).append(run)
    floors = {scale: bounds.of(graph, output, found[0].step.inputs) for scale, found in by_scale.items()}
    worst_scale = max(
        by_scale, key=lambda scale: _worst_ratio(by_scale[scale], floors[scale].noise_floor), default=None
    )
    deciding = by_scale[worst_scale] if worst_scale is not None else []
    bound = floors[worst_scale] if worst_scale is not None else bounds.of(graph, output)
    by_set: dict[str, float] = {}
    for scale, found in by_scale.items():
        factor = bound.noise_floor / floors[scale].noise_floor if floors[scale].noise_floor else 1.0
        for run in found:
            by_set[run.step.inputs] = max(by_set.get(run.step.inputs, 0.0), factor * run.error)
    scores = not exact and graph in {g.name for g in plan.subject.graphs} and output in plan.subject.graph(graph).scores
    flips = _flips(runs, plan, bounds, output) if scores else None
    worst, step = _worst(deciding, plan)
    return Row(
        backend=name,
        graph=graph,
        output=output,
        figures=figures(
            [run.part for run in deciding if not run.spared], native=[run.part[:2] for run in deciding if run.spared]
        ),
        noise_floor=bound.noise_floor,
        tolerance=bound.max_abs,
        rows=_distinct_rows(runs, plan),
        exact=exact,
        mismatches=sum(_mismatches(run.part) for run in runs) if exact else 0,
        in_doubt=sum(run.in_doubt for run in runs),
        flips=None if flips is None else len(set().union(*flips.values())),
        failed=failed,
        by_set=by_set,
        flips_by_set={key: len(changed) for key, changed in (flips or {}).items()},
        worst=worst,
        step=step,
        heat=() if exact else _heat([run.part for run in deciding], bound.noise_floor),
    )


def _row(
    name: str,
    graph: str,
    output: str,
    outcome: Outcome,
    plan: Plan,
    bounds: Bounds,
    failed: tuple[str, Step | None],
) -> Row:
    answered = [
        (step, outcome.answers[index][output])
        for index, step in plan.steps_of(graph)
        if index in outcome.answers and step.kind != "time"
    ]
    sentence, refused = failed
    row = row_of(name, graph, output, answered, plan, bounds, failed=sentence)
    alone, single = _alone(graph, output, outcome, plan, bounds)
    again = _unrepeatable(graph, output, outcome, plan)
    within = row.figures.max_abs <= row.tolerance and not row.mismatches
    telling = refused or (within and ((single if alone > row.tolerance else None) or again)) or None
    return dataclasses.replace(
        row,
        alone=alone,
        repeatable=again is None,
        step=(telling.inputs, telling.start, telling.stop) if telling else row.step,
    )


def _run(step: Step, answers: NDArray[Any], output: str, plan: Plan, bounds: Bounds) -> _Run:
    """Answers beside the right ones.

    Of given rows, which are many, float64 answers are computed only where a batch is not within half the bound of the
    native ones, or integers differ: the other half is more than the native answers' own rounding.
    """
    if plan.set_of(step).given:
        native = plan.expectations.native(step.graph, step.inputs, step.start, step.stop)[output]
        left, middle = comparable(answers, native)
        if max_abs_error(left, middle) <= _NEAR * bounds.of(step.graph, output, step.inputs).max_abs:
            return _Run(step, (left, middle, middle), 0, spared=True)
    native, exact = plan.expected(step).of(output)
    if native.dtype.kind in "biu":
        doubt = plan.expectations.doubt(step.graph, step.inputs, step.start, step.stop)[output]
        if answers.shape == native.shape:
            answers = np.where(doubt, native, answers)
        return _Run(step, (answers, native, native), int(np.count_nonzero(doubt)))
    left, middle, right = comparable(answers, native, exact)
    return _Run(step, (left, middle, right), 0)


def _worst_ratio(runs: list[_Run], floor: float) -> float:
    return max((error_ratio(run.error, floor) for run in runs), default=0.0)


def _mismatches(part: Part) -> int:
    answers, native, _ = part
    return int(np.count_nonzero(answers != native)) if answers.shape == native.shape else max(native.size, 1)


def _distinct_rows(runs: list[_Run], plan: Plan) -> int:
    """Rows that were answered, each counted once."""
    stops: dict[str, set[int]] = {}
    for run in runs:
        rows = len(plan.set_of(run.step))
        stops.setdefault(run.step.inputs, set()).update(row % rows for row in range(run.step.start, run.step.stop))
    return sum(map(len, stops.values()))


def _worst(runs: list[_Run], plan: Plan) -> tuple[tuple[str, int], tuple[str, int, int]]:
    """The run with the largest error, and its worst row; no row where the answers have another shape."""
    runs = [run for run in runs if run.part[2].size]
    if not runs:
        return ("", 0), ("", 0, 0)
    run = max(runs, key=lambda each: each.error)
    step = (run.step.inputs, run.step.start, run.step.stop)
    answers, native, exact = (values.astype(np.float64) for values in run.part)
    if answers.shape != exact.shape:
        return ("", 0), step
    with np.errstate(invalid="ignore"):  # infinity less infinity
        differences = np.maximum(np.abs(answers - exact), np.abs(answers - native))
    rows = run.step.stop - run.step.start
    by_row = differences.reshape(rows, -1) if exact.shape[:1] == (rows,) else differences.reshape(1, -1)
    errors = np.nan_to_num(by_row, nan=np.inf).max(axis=1)
    row = (run.step.start + int(errors.argmax())) % len(plan.set_of(run.step))
    return (run.step.inputs, row), step


def _heat(parts: list[Part], noise_floor: float) -> tuple[tuple[float, ...], ...]:
    """Largest difference of each pixel over rows and channels, in noise floors; for outputs that are images."""
    maps = [
        np.abs(answers.astype(np.float64) - exact).max(axis=(0, 1))
        for answers, _, exact in parts
        if exact.size and answers.shape == exact.shape and exact.ndim == 4 and exact.shape[1] in _IMAGE_CHANNELS
    ]
    if not maps or not noise_floor or len({each.shape for each in maps}) > 1:
        return ()
    worst = np.nan_to_num(np.max(maps, axis=0) / noise_floor, nan=_LARGEST, posinf=_LARGEST)
    return tuple(tuple(float(value) for value in line) for line in np.round(worst, 2))


def _flips(runs: list[_Run], plan: Plan, bounds: Bounds, output: str) -> dict[str, set[bytes]]:
    """By input set the rows whose class changed in any batch; a row of two sets is the same row."""
    flipped: dict[str, set[bytes]] = {}
    for run in runs:
        answers, _, exact = run.part
        if not exact.ndim or not exact.size:
            continue
        margin = bounds.of(run.step.graph, output, run.step.inputs).max_abs
        changed = flipped_rows(_classes(answers), _classes(exact), margin=margin)
        found = flipped.setdefault(run.step.inputs, set())
        if not changed.any():
            continue
        rows = run.step.stop - run.step.start
        positions = len(changed) // rows if exact.shape[:1] == (rows,) else len(changed)
        inputs = plan.set_of(run.step).rows(run.step.start, run.step.stop)
        for place in np.flatnonzero(changed):
            row, position = divmod(int(place), positions)
            whole = [values[row : row + 1] if plan.set_of(run.step).batched else values for values in inputs.values()]
            found.add(b"".join([values.tobytes() for values in whole]) + position.to_bytes(8, "little"))
    return flipped


def _classes(values: NDArray[Any]) -> NDArray[Any]:
    return values.reshape(-1, values.shape[-1]) if values.ndim else values.reshape(1, 1)


def _whole(step: Step, outcome: Outcome, plan: Plan) -> Arrays | None:
    """Answers to all of an input set at once."""
    whole = Step(step.graph, step.inputs, 0, len(plan.set_of(step)))
    return outcome.answers.get(plan.places[whole]) if whole in plan.places else None


def _alone(graph: str, output: str, outcome: Outcome, plan: Plan, bounds: Bounds) -> tuple[float, Step | None]:
    """Largest difference of a row alone from the same row among all, where rows do not influence each other."""
    largest: float = 0.0
    worst = None
    if not plan.expectations.independent(graph):
        return largest, worst
    for step, answers in _single_rows(graph, outcome, plan):
        together = _whole(step, outcome, plan)
        if together is None or answers[output].shape[:1] != (1,):
            continue
        parts = (
            _run(step, answers[output], output, plan, bounds),
            _run(step, together[output][step.start : step.stop], output, plan, bounds),
        )
        error = max_abs_error(*comparable(*(each.part[0] for each in parts)))
        if error > largest:
            largest, worst = error, step
    return largest, worst


def _single_rows(graph: str, outcome: Outcome, plan: Plan) -> Iterator[tuple[Step, Arrays]]:
    for index, step in plan.steps_of(graph):
        given = plan.set_of(step)
        alone = given.batched and not given.scale and step.stop - step.start == 1 < len(given)
        if alone and index in outcome.answers:
            yield step, outcome.answers[index]


def _unrepeatable(graph: str, output: str, outcome: Outcome, plan: Plan) -> Step | None:
    """The first batch that was run twice and did not come out the same, bit for bit."""
    for index, step in plan.steps_of(graph):
        first = dataclasses.replace(step, kind="run")
        if step.kind != "again" or index not in outcome.answers or first not in plan.places:
            continue
        answers = outcome.answers.get(plan.places[first])
        if answers is not None and answers[output].tobytes() != outcome.answers[index][output].tobytes():
            return first
    return None
