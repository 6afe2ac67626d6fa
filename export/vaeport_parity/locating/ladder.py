"""The way from PyTorch to a backend, rung by rung: which is the first whose answers fall short?"""

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from vaeport.contract import GRAPHS
from vaeport_export.bundle.subject import Subject

from ..asking.steps import Questions
from ..backends import BACKENDS, all_backends
from ..backends.onnxruntime import OPTIMISATION_LEVELS
from ..judging.measurement import measure
from ..reporting.report import ParityRow
from ..running.execution import Job, run_backend
from ..running.process import PAST_TIME_LIMIT

CAPTURE, STANDARD = "torch-export", "onnx-reference"
"""The rungs that are about the export: the captured program, and the file as the standard words it."""

RUNGS = (CAPTURE, STANDARD, "onnxruntime-none", "onnxruntime-all")
"""What stands between PyTorch and any other backend."""

ORIGINALS = ("torch-float32", "torch-float64")
"""PyTorch's own module, before anything was captured."""

_ORDER = (*ORIGINALS, CAPTURE, STANDARD, *(f"onnxruntime-{level}" for level in OPTIMISATION_LEVELS))
_BATCHES = (1, 7)


@dataclass(eq=False)
class Ladder:
    """The rungs for one bundle: those that the report has, the others run when they are needed, once."""

    subject: Subject
    """The bundle with its checkpoint."""
    asked: Questions
    """What the backends were asked."""
    job: Job
    """The same with its files."""
    folder: Path
    """A folder of its own to work in."""
    limit: float
    """Seconds that one rung may take."""
    isolated: bool
    """Whether rungs run in processes of their own."""
    rows: dict[str, tuple[ParityRow, ...]] = field(default_factory=dict)
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
        for rung in self._before(backend):
            rows = self.of(rung, graph)
            if any(PAST_TIME_LIMIT in row.failed for row in rows):
                continue
            if any(not row.holds for row in rows):
                return rung, tuple(held)
            held += [rung] if rows else []
        return backend, tuple(held)

    def of(self, backend: str, graph: str) -> tuple[ParityRow, ...]:
        """Rows of a backend for a graph; none if it is missing."""
        if backend not in self.rows:
            self.rows[backend] = tuple(self._run(backend))
        return tuple(row for row in self.rows[backend] if row.graph == graph)

    def _run(self, backend: str) -> Iterable[ParityRow]:
        """The probes alone, in a few batches: enough to tell a wrong file."""
        asked = Questions(
            self.asked.sets,
            tuple(
                step
                for step in self.asked.steps
                if step.inputs == "probes"
                and step.kind != "time"
                and step.stop - step.start in (*_BATCHES, len(self.asked.sets[step.graph, "probes"]))
            ),
        )
        folder = self.folder / backend
        job = dataclasses.replace(self.job, steps=asked.steps)
        outcome = run_backend(all_backends()[backend], job, folder, limit=self.limit, isolated=self.isolated)
        if outcome.missing is not None:
            return ()
        rows = measure(backend, outcome, asked, self.subject, empty_batch=False).rows
        return (row for row in rows if row.graph in GRAPHS)

    def _before(self, backend: str) -> list[str]:
        """The rungs on the way to a backend, of those that must hold."""
        order = _ORDER[: _ORDER.index(backend)] if backend in _ORDER else RUNGS
        precision = self.subject.precision
        return [name for name in order if name in RUNGS and precision in BACKENDS[name].facts.precisions]
