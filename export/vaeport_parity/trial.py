"""One subject on its backends: what each is asked, what it answers, how that is judged, and where it goes wrong."""

import dataclasses
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from onnx import ModelProto

from .asking.emulated import fewer_rows
from .asking.steps import Plan, fewer_steps
from .backends import all_backends
from .backends.versions import backend_named
from .judging.bounds import Bounds
from .judging.chain import with_shares
from .judging.measurement import measure
from .judging.report import BackendReport, Finding, Row
from .running.execution import GraphJob, Job, Outcome, run_backend, run_once
from .subjects.tensors import Arrays, input_specs, output_specs

_ALIKE = {"bf16": "fp16"}  # what runs the one faithfully runs the other, or refuses it
SEARCH_SHARE = 0.25
"""Share of the time limit for the search for a node that is wrong."""
_REPRODUCER_SHARE = 0.25  # of the time limit, for the smallest graph

Reproduce = Literal["no", "deciding", "all"]
"""For which backends reproducers are made."""


def leading_backends(names: Sequence[str]) -> frozenset[str]:
    """The last backend of each runtime that reads the file, of those that decide: onnxruntime's levels are one runtime.

    Args:
        names: names of backends.
    """
    last: dict[tuple[str, str], str] = {}
    known = list(all_backends())
    for name in sorted(names, key=lambda name: known.index(name) if name in known else len(known)):
        facts = backend_named(name).facts
        key = facts.module or name, facts.environment or (name if facts.has_environment else "")
        if not facts.from_original and (facts.counts or key not in last):
            last[key] = name
    return frozenset(last.values())


@dataclasses.dataclass(frozen=True, eq=False)
class Trial:
    """Runs backends over one plan."""

    plan: Plan
    """What is asked."""
    bounds: Bounds
    """How far answers may be off."""
    job: Job
    """The plan as files."""
    folder: Path
    """A folder to work in."""
    limit: float
    """Seconds that each backend may take."""
    isolated: bool
    """Whether each backend runs in a process of its own."""
    leading: frozenset[str]
    """Backends that are asked everything where rows are costly: one of each runtime that reads the file."""

    def asked(self, name: str) -> Plan:
        """What of the plan one backend is asked."""
        facts, plan = backend_named(name).facts, self.plan
        if plan.subject.costly and (facts.slow or name not in self.leading):
            plan = fewer_steps(plan, slow=facts.slow)
        return fewer_rows(plan) if facts.emulator or facts.emulated_device else plan

    def answers(self, name: str) -> Outcome:
        """What one backend answers."""
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        job = dataclasses.replace(self.job, steps=self.asked(name).steps)
        outcome = run_backend(backend_named(name), job, folder / "run", limit=self.limit, isolated=self.isolated)
        shutil.rmtree(folder, ignore_errors=True)
        return outcome

    def judged(self, name: str, outcome: Outcome) -> tuple[BackendReport, tuple[Row, ...]]:
        """What one backend answered, judged."""
        plan, subject = self.asked(name), self.plan.subject
        facts = backend_named(name).facts
        counts = facts.counts and _ALIKE.get(subject.precision, subject.precision) in facts.precisions
        if outcome.missing is not None:
            return BackendReport(name, "", counts, facts.remark, outcome.missing), ()
        empty_batch = facts.empty_batch and subject.empty_batch
        measured = measure(name, outcome, plan, self.bounds, empty_batch=empty_batch)
        report = BackendReport(
            name,
            outcome.version,
            counts,
            facts.remark,
            refusals=measured.refusals,
            given_samples=plan.given_samples,
            milliseconds=measured.milliseconds,
        )
        return report, tuple(with_shares(measured.rows, outcome, plan))

    def rows_of(self, name: str, plan: Plan) -> Sequence[Row]:
        """Rows of a backend on fewer steps; none where it is missing."""
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        job = dataclasses.replace(self.job, steps=plan.steps)
        outcome = run_backend(backend_named(name), job, folder / "rung", limit=self.limit, isolated=self.isolated)
        shutil.rmtree(folder, ignore_errors=True)
        graphs = {graph.name for graph in plan.subject.graphs}
        rows = () if outcome.missing else measure(name, outcome, plan, self.bounds, empty_batch=False).rows
        return [row for row in rows if row.graph in graphs]

    def run_part(
        self, backend: str, graph: str, model: ModelProto, inputs: Arrays, *, limit: float
    ) -> tuple[Arrays | None, str]:
        """One run of a part of a graph; its answers, or what the backend said."""
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        path = folder / "model.onnx"
        path.write_bytes(model.SerializeToString())
        job = GraphJob(graph, path, input_specs(model), output_specs(model))
        own = backend_named(backend)
        outcome = run_once(own, job, inputs, folder / "job", limit=limit, isolated=self.isolated, forked=True)
        shutil.rmtree(folder, ignore_errors=True)
        if 0 in outcome.answers:
            return outcome.answers[0], ""
        return None, outcome.missing or outcome.errors[0]

    def located(
        self,
        reports: list[BackendReport],
        found: dict[str, tuple[Row, ...]],
        findings: Sequence[Finding],
        progress: Callable[[str], None],
    ) -> list[BackendReport]:
        """The reports with the place of each error; a file with a wrong finding is not said to be right."""
        if all(row.holds for rows in found.values() for row in rows):
            return reports
        from .locating.locate import make_locator  # its imports take half a second

        locator = make_locator(
            self.plan,
            dict(found),
            compare=self.rows_of,
            run_part=self.run_part,
            limit=SEARCH_SHARE * self.limit,
            accused={finding.subject: finding.text for finding in reversed(findings) if finding.wrong},
        )
        located = []
        for report in reports:
            if any(not row.holds for row in found[report.name]):
                progress(f"{report.name}: looking for the place")
                place = locator.place(report.name)
                report = dataclasses.replace(report, place=place.text, rung=place.rung)  # noqa: PLW2901 - with its place
            located.append(report)
        return located

    def reproduced(
        self,
        reports: list[BackendReport],
        found: dict[str, tuple[Row, ...]],
        wanted: Reproduce,
        progress: Callable[[str], None],
    ) -> list[BackendReport]:
        """The reports with reproducers of those that fall short."""
        made = []
        for report in reports:
            short = wanted == "all" or (wanted == "deciding" and report.counts)
            if short and any(not row.holds for row in found[report.name]):
                from .reproducing.driver import reproducers

                progress(f"{report.name}: making the smallest graph that falls short")
                limit = _REPRODUCER_SHARE * self.limit
                given = reproducers(
                    self.plan.subject,
                    report.name,
                    found[report.name],
                    run=self.run_part,
                    limit=limit,
                    version=report.version,
                )
                report = dataclasses.replace(report, reproducers=given)  # noqa: PLW2901 - with what was made
            made.append(report)
        return made
