"""What every backend is asked: input sets in which batches, alone and as a chain, and twice."""

import dataclasses
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from vaeport.errors import InputError

from ..reference.expected import Expectations, Expected
from ..subjects.subject import InputSet, Subject

BATCHES = (0, 1, 2, 7, 257)
"""Batch sizes in which noise floors are measured, beside all at once: kernels differ by batch, and so does their
rounding."""

MORE_BATCHES = (3, 64, 100)
"""Further sizes in which probes are run: round numbers, between which a graph or a kernel may branch."""

LARGE_BATCHES = (300, 1000)
"""The same, larger; where rows are costly one backend of each runtime is asked."""

TIMED_BATCHES = (1, 257)
"""Batch sizes that are timed."""

_DRAWN = ((8, 63), (65, 256), (301, 999))  # a size from each range, which nobody can know beforehand
_CHUNK = 250
_AGAIN = (1, 7, 64, 257)  # rows that are run twice
_MOST_CUTS = 8
_MOST_GIVEN = 500  # given rows that a slow backend is asked about, where rows are costly
_MOST_SPOT = 250  # given rows that nobody asked for, the same for all but one backend of each runtime
_MOST_NARROW = 257
_MOST_AGAIN = 64
_REPEATS = 4  # times that the rows of a set may stand in one batch: of a costly network there are few


@dataclass(frozen=True)
class Step:
    """One run of a backend."""

    graph: str
    """Name of the graph, or of the chain."""
    inputs: str
    """Name of the input set."""
    start: int
    """First row; 0 where the set is not batched."""
    stop: int
    """Row after the last; 1 where the set is not batched."""
    kind: str = "run"
    """`run`; `again`, the same once more; `time`, run until its duration is known."""


@dataclass(frozen=True, eq=False)
class Plan:
    """A subject, and all steps over its input sets."""

    subject: Subject
    """What is compared."""
    steps: tuple[Step, ...]
    """In the order in which they are run; the empty batch, on which some backends die, last."""
    expectations: Expectations
    """The right answers."""
    left_out: tuple[str, ...] = ()
    """Steps that the reference itself refuses, a sentence each."""

    @cached_property
    def places(self) -> dict[Step, int]:
        """Index of each step."""
        return {step: index for index, step in enumerate(self.steps)}

    @property
    def samples(self) -> int:
        """Rows that the first graph is asked about, each counted once."""
        first = self.subject.graphs[0].name
        return sum(len(each) for each in self.subject.input_sets if each.graph == first and not each.again)

    @property
    def given_samples(self) -> int:
        """How many rows of the user's own data the first graph is asked about."""
        first = self.subject.graphs[0].name
        given = (step for step in self.steps if step.graph == first and step.kind == "run" and self.set_of(step).given)
        return sum(step.stop - step.start for step in given)

    def set_of(self, step: Step) -> InputSet:
        """The input set of a step."""
        return self.subject.input_set(step.graph, step.inputs)

    def expected(self, step: Step) -> Expected:
        """The right answers to a step."""
        return self.expectations.of(step.graph, step.inputs, step.start, step.stop)

    def steps_of(self, graph: str) -> tuple[tuple[int, Step], ...]:
        """Steps of one graph with their indices."""
        return tuple((index, step) for index, step in enumerate(self.steps) if step.graph == graph)


def make_plan(subject: Subject, *, timed: bool = True, expectations: Expectations | None = None) -> Plan:
    """Everything that a backend is asked.

    Args:
        subject: graphs with references and input sets.
        timed: whether durations are measured.
        expectations: right answers of this subject, if some have been computed already.

    Raises:
        InputError: a reference does not answer to all of a graph's probes.
    """
    expectations = expectations or Expectations(subject)
    steps, left_out = [], []
    for given in subject.input_sets:
        for step in _steps_of_set(given, drawn_batches(subject)):
            if step.stop - step.start > _MOST_NARROW and _is_own_reference(subject, given):
                left_out.append(
                    f"{given.graph}, batches of more than {_MOST_NARROW} rows: the file is its own reference"
                )
                continue
            try:
                if not given.given:  # whose rows are many, and are judged while backends run
                    expectations.of(step.graph, step.inputs, step.start, step.stop)
                if step.start == step.stop and not subject.empty_batch:
                    expectations.check_empty(step.graph, step.inputs)
            except InputError as error:
                if given.name == "probes" and (step.start, step.stop) == (0, len(given)):
                    raise
                left_out.append(f"{step.graph}, {step.inputs}, {_size(given, step)}: {error}")
            else:
                steps.append(step)
    if timed:
        steps += _timed_steps(subject)
    steps.sort(key=lambda step: step.start == step.stop)
    return Plan(subject, tuple(steps), expectations, tuple(dict.fromkeys(left_out)))


def _is_own_reference(subject: Subject, given: InputSet) -> bool:
    """Whether a graph whose rows are costly is its own reference, so that large batches tell little of the file."""
    graphs = [graph for graph in subject.graphs if graph.name == given.graph]
    return subject.costly and given.cuts == "sizes" and not any(graph.reference.has_noise for graph in graphs)


def drawn_batches(subject: Subject) -> tuple[int, ...]:
    """Batch sizes drawn by a seed that the graphs' content gives: the same for the same files."""
    seed = 0
    for graph in subject.graphs:
        seed = zlib.crc32(graph.content, seed)
    random = np.random.default_rng(seed)
    return tuple(int(random.integers(low, high, endpoint=True)) for low, high in _DRAWN)


def fewer_steps(plan: Plan, *, slow: bool = False) -> Plan:
    """The same without large batches, their repetition and most of the given rows, where rows cost much.

    Args:
        plan: everything.
        slow: whether it is spared given rows that were asked for, too.
    """
    return dataclasses.replace(
        plan, steps=tuple(step for step in plan.steps if _is_kept(plan.set_of(step), step, slow))
    )


def _is_kept(given: InputSet, step: Step, slow: bool) -> bool:
    if given.given:
        most = _MOST_SPOT if given.spot else _MOST_GIVEN
        return step.stop <= most or not (slow or given.spot)
    rows = step.stop - step.start
    return step.kind == "time" or rows <= (_MOST_AGAIN if step.kind == "again" else max(_MOST_NARROW, len(given)))


def batch_cuts(rows: int) -> Iterator[tuple[int, int]]:
    """All rows at once, then the first few batches of each of `BATCHES`; none twice."""
    cuts = [(0, rows)]
    for size in BATCHES:
        most = max(min(rows, _MOST_CUTS * size), 1)
        cuts += [(first, min(first + size, rows)) for first in range(0, most, size or 1)]
    return iter(dict.fromkeys(cuts))


def wider_cuts(rows: int, drawn: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    """As of `batch_cuts`, then one batch of each further size; where rows are too few, they are repeated.

    Args:
        rows: of the set.
        drawn: sizes beside the usual ones.
    """
    sizes = (size for size in (*MORE_BATCHES, *drawn, *LARGE_BATCHES) if size <= _REPEATS * rows)
    return iter(dict.fromkeys([*batch_cuts(rows), *((0, size) for size in sizes)]))


def _steps_of_set(given: InputSet, drawn: tuple[int, ...]) -> Iterator[Step]:
    rows = len(given)
    if not given.batched:
        yield Step(given.graph, given.name, 0, 1)
        yield Step(given.graph, given.name, 0, 1, "again")
        return
    if given.cuts == "sizes":
        yield from (Step(given.graph, given.name, *cut) for cut in wider_cuts(rows, drawn))
        sizes = dict.fromkeys(min(size, rows) for size in _AGAIN)
        yield from (Step(given.graph, given.name, 0, size, "again") for size in sizes)
    elif given.cuts == "chunks":
        yield from (Step(given.graph, given.name, first, min(first + _CHUNK, rows)) for first in range(0, rows, _CHUNK))
    elif given.cuts == "alone":
        cuts = dict.fromkeys([(0, rows), *((row, row + 1) for row in range(rows))])
        yield from (Step(given.graph, given.name, *cut) for cut in cuts)
    else:
        yield Step(given.graph, given.name, 0, rows)


def _timed_steps(subject: Subject) -> Iterator[Step]:
    for graph in subject.graphs:
        probes = subject.input_set(graph.name, "probes")
        if probes.batched:
            yield from (Step(graph.name, probes.name, 0, min(rows, len(probes)), "time") for rows in TIMED_BATCHES)
        else:
            yield Step(graph.name, probes.name, 0, 1, "time")


def _size(given: InputSet, step: Step) -> str:
    return f"batch of {step.stop - step.start}" if given.batched else "the only run"
