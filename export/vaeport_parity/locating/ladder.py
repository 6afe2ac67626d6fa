"""The way from the reference to a backend, rung by rung: which is the first whose answers fall short?"""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from ..asking.steps import Plan, Step
from ..backends import all_backends
from ..backends.onnxruntime import OPTIMISATION_LEVELS
from ..backends.versions import backend_named
from ..judging.report import Row
from ..running.process import PAST_TIME_LIMIT

CAPTURE, STANDARD = "torch-export", "onnx-reference"
"""The rungs that are about the export: the captured program, and the file as the standard words it."""

RUNGS = (CAPTURE, STANDARD, "onnxruntime-none", "onnxruntime-all")
"""What stands between the reference and any other backend."""

ORIGINALS = ("torch-float32", "torch-float64")
"""PyTorch's own module, before anything was captured."""

Compare = Callable[[str, Plan], Sequence[Row]]
"""Runs a backend over a plan and measures its answers; no rows where it is missing."""

_ORDER = (*ORIGINALS, CAPTURE, STANDARD, *(f"onnxruntime-{level}" for level in OPTIMISATION_LEVELS))
_BATCHES = (1, 7)
_FEW_ROWS = 16


@dataclass(eq=False)
class Ladder:
    """The rungs for one subject: those that the report has, the others run when they are needed, once."""

    plan: Plan
    """The subject, and what the backends were asked."""
    compare: Compare
    """Runs a rung that the report does not have."""
    rows: dict[str, tuple[Row, ...]] = field(default_factory=dict)
    """Rows by backend; empty for one that is missing."""

    def first_short(self, backend: str, graph: str) -> tuple[str, tuple[str, ...]]:
        """The first rung on the way to a backend, itself the last, whose answers to a graph fall short.

        Args:
            backend: a backend whose answers to the graph fall short.
            graph: name of the graph.

        Returns:
            The rung's name, and the names of those before it, which hold.
        """
        held: list[str] = []
        for rung in self._before(backend, graph):
            rows = self.of(rung, graph)
            if any(PAST_TIME_LIMIT in row.failed for row in rows):
                continue
            if any(not row.holds for row in rows):
                if rung == STANDARD and self._is_refuted(backend, graph):
                    continue
                return rung, tuple(held)
            held += [rung] if rows else []
        return backend, tuple(held)

    def of(self, backend: str, graph: str) -> tuple[Row, ...]:
        """Rows of a backend for a graph; none if it is missing."""
        if backend not in self.rows:
            self.rows[backend] = tuple(self.compare(backend, self._few(backend)))
        return tuple(row for row in self.rows[backend] if row.graph == graph)

    def _is_refuted(self, backend: str, graph: str) -> bool:
        """Whether onnxruntime finds the right answers in the file, so that the evaluator is wrong and not the file."""
        plain = RUNGS[RUNGS.index(STANDARD) + 1]
        if backend == plain:
            return False
        rows = self.of(plain, graph)
        return bool(rows) and all(row.holds for row in rows)

    def _few(self, backend: str) -> Plan:
        """The probes in a few batches, and the runs that fell short; where there is no batch, all runs."""
        steps = dict.fromkeys(step for step in self.plan.steps if self._is_enough(step))
        steps |= dict.fromkeys(self._failing(slow=backend_named(backend).facts.slow))
        return dataclasses.replace(self.plan, steps=tuple(steps))

    def _failing(self, *, slow: bool) -> Iterator[Step]:
        """The runs on which backends of the report fall short; a few rows of each for a slow rung."""
        names = {graph.name for graph in self.plan.subject.graphs}
        for row in [row for rows in self.rows.values() for row in rows]:
            step = Step(row.graph, *row.step)
            if row.holds or row.graph not in names or step.start == step.stop:
                continue
            given = self.plan.set_of(step)
            if slow and given.batched and step.stop - step.start > _FEW_ROWS:
                worst = row.worst[1] if row.worst[0] == step.inputs else step.start
                first = max(step.start, min(worst, step.stop - _FEW_ROWS))
                step = Step(row.graph, step.inputs, first, first + _FEW_ROWS)
            yield step

    def _is_enough(self, step: Step) -> bool:
        names = {graph.name for graph in self.plan.subject.graphs}
        if step.graph not in names or step.kind == "time":
            return False
        given = self.plan.set_of(step)
        if not given.batched:
            return True
        return step.inputs == "probes" and step.stop - step.start in (*_BATCHES, len(given))

    def _before(self, backend: str, graph: str) -> list[str]:
        """The rungs on the way to a backend, of those that must hold for the subject."""
        order = _ORDER[: _ORDER.index(backend)] if backend in _ORDER else RUNGS
        subject = self.plan.subject
        known = all_backends()
        rungs = [name for name in order if name in RUNGS and subject.precision in known[name].facts.precisions]
        return rungs if subject.graph(graph).original else [name for name in rungs if name != CAPTURE]
