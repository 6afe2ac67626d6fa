"""Compare backends with the references of a subject."""

import dataclasses
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from onnx import ModelProto

from vaeport.common.commands import print_line
from vaeport.common.fileio import scratch_folder
from vaeport.errors import InputError

from .asking.emulated import handful
from .asking.jobs import make_job
from .asking.steps import Plan, fewer_given, make_plan
from .backends import OWN_BACKENDS, all_backends
from .backends.versions import backend_named
from .judging.bounds import Bounds
from .judging.chain import with_shares
from .judging.measurement import measure, recorded_rows
from .judging.report import BackendReport, Finding, Row
from .reading.held import held_findings
from .reading.preflight import preflight
from .reference.expected import Expectations, Expected
from .reporting.report import Report
from .running.environments import install, missing_reason
from .running.execution import GraphJob, Job, run_backend, run_once
from .running.machine import machine
from .subjects.finding import find_subject
from .subjects.subject import Subject, SubjectOptions
from .subjects.tensors import Arrays, input_specs, output_specs

TIME_LIMIT = 600.0
"""Seconds that a backend may take, unless another limit is given."""

_ALIKE = {"bf16": "fp16"}  # what runs the one faithfully runs the other, or refuses it
_SEARCH_SHARE = 0.25  # of the time limit, for the node that a backend computes wrongly
_REPRODUCER_SHARE = 0.25  # of the time limit, for the smallest graph

Reproduce = Literal["no", "deciding", "all"]
"""For which backends reproducers are made."""


def chosen_backends(chosen: str | Sequence[str]) -> list[str]:
    """Names of backends from `all`, `own` (what vaeport's own extras bring), names with commas between, or a list.

    The beginning of names that go on with a dash stands for all of them, of those in `own` if there are such:
    `onnxruntime`, `torch`. A name may have a version or an instruction set behind it, as of `backend_named`:
    `onnxruntime==1.20.*`, `tract@x86-64-v3`.

    Raises:
        InputError: no such backend, no such version of it, or none at all.
    """
    names = chosen.split(",") if isinstance(chosen, str) else list(chosen)
    known = all_backends()
    found: list[str] = []
    for name in (each.strip() for each in names):
        family = [each for each in OWN_BACKENDS if each.startswith(f"{name}-")]
        family = family or [each for each in known if each.startswith(f"{name}-")]
        groups = {name: [name] if name in known else family, "all": list(known), "own": list(OWN_BACKENDS)}
        found += groups[name] or [_variant(name)]
    if not found:
        raise InputError("no backend was named; give all, own, or names such as onnxruntime-all")
    return list(dict.fromkeys(found))


def _variant(name: str) -> str:
    """Whole name of a backend in a version or on an instruction set."""
    try:
        return backend_named(name).facts.name
    except ValueError as error:
        raise InputError(str(error)) from error


def install_backends(names: Sequence[str], tell: Callable[[str], None]) -> None:
    """Make environments for backends that are missing, and print what became of each that was not there.

    Args:
        names: names of backends.
        tell: called with what is under way.

    Raises:
        OutputError: the folder of the environments cannot be written.
    """
    for name in names:
        facts = backend_named(name).facts
        if not facts.has_environment:
            continue
        tell(f"installing {name}")
        installation = install(facts)
        if installation.state != "present":
            print_line(f"install {name}: {installation}", file=sys.stderr)


def missing_backends(names: Sequence[str]) -> dict[str, str]:
    """Those of the named backends that cannot run here, with the reason."""
    reasons = {name: missing_reason(backend_named(name).facts) for name in names}
    return {name: reason for name, reason in reasons.items() if reason is not None}


def fitting(names: Sequence[str], subject: Subject) -> list[str]:
    """Backends that can be compared: those that run the PyTorch original need one, and run no lower precision."""
    from_original = bool(subject.graphs) and all(graph.original is not None for graph in subject.graphs)
    return [name for name in names if from_original or not backend_named(name).facts.from_original]


def subjects_at(path: str, options: SubjectOptions, precisions: Sequence[str] = ()) -> tuple[Subject, ...]:
    """The subject at a path, once for each precision.

    Args:
        path: as of `find_subject`.
        options: what is wanted of it; its precision is not looked at.
        precisions: which; none for all that it has, its first one first.

    Raises:
        InputError: as of `find_subject`.
    """
    wanted = list(dict.fromkeys(precisions))
    first = find_subject(path, dataclasses.replace(options, precision=wanted[0] if wanted else ""))
    names = wanted or list(first.precisions)
    if not names:
        return (first,)
    others = (name for name in names if name != first.precision)
    made = {first.precision: first}
    made |= {name: find_subject(path, dataclasses.replace(options, precision=name)) for name in others}
    return tuple(made[name] for name in names)


def compare_all(
    subjects: Sequence[Subject],
    backends: str | Sequence[str] = "all",
    *,
    limit: float = TIME_LIMIT,
    timed: bool = False,
    locate: bool = True,
    reproduce: Reproduce = "no",
    progress: Callable[[str], None] = lambda _: None,
) -> tuple[Report, ...]:
    """Compare every precision of a subject, as of `compare`, a report each.

    Args:
        subjects: as of `subjects_at`.
        backends: as of `chosen_backends`; those that cannot run a precision are left out of its report.
        limit: seconds that each backend may take for each precision.
        timed: whether durations are measured.
        locate: whether the place of an error is looked for.
        reproduce: whether the smallest graph that still falls short is made for backends that decide, for all, or not.
        progress: called with the name of what is under way.

    Raises:
        InputError: as of `compare`.
    """
    chosen = chosen_backends(backends)
    able = [subject for subject in subjects if fitting(chosen, subject)] or list(subjects)
    reports = []
    for subject in able:
        label = f"{subject.precision}: " if len(able) > 1 else ""

        def tell(step: str, label: str = label) -> None:
            progress(f"{label}{step}")

        reports.append(
            compare(subject, chosen, limit=limit, timed=timed, locate=locate, reproduce=reproduce, progress=tell)
        )
    return tuple(reports)


def compare(
    subject: Subject,
    backends: str | Sequence[str] = "all",
    *,
    limit: float = TIME_LIMIT,
    isolated: bool = True,
    timed: bool | None = None,
    locate: bool = True,
    reproduce: Reproduce = "no",
    progress: Callable[[str], None] = lambda _: None,
) -> Report:
    """Compare backends with the references of a subject.

    Args:
        subject: graphs with references and input sets.
        backends: as of `chosen_backends`.
        limit: seconds that each backend may take.
        isolated: whether each backend runs in a process of its own; only vaeport's own may do without.
        timed: whether durations are measured, in processes of their own; None: where there are such.
        locate: whether the place of an error is looked for.
        reproduce: whether the smallest graph that still falls short is made for backends that decide, for all, or not.
        progress: called with the name of each backend before it runs.

    Raises:
        InputError: no such backend, none that can run this subject, or inputs to which the reference has no answer.
    """
    chosen = chosen_backends(backends)
    names = fitting(chosen, subject)
    if not names:
        raise InputError(f"{', '.join(chosen)} runs the PyTorch original, which {subject.name} has not; give others")
    progress(subject.yardstick)
    subject, dropped = without_overflow(subject)
    timed = isolated if timed is None else timed
    plan = make_plan(subject, timed=timed)
    if not isolated and not subject.empty_batch:
        # A batch of 0 can end the whole process: onnxruntime's GRU does.
        plan = dataclasses.replace(plan, steps=tuple(step for step in plan.steps if step.start != step.stop))
    bounds = Bounds(plan)
    rows: list[Row] = list(recorded_rows(plan, bounds))
    reports: list[BackendReport] = []
    with scratch_folder("vaeport-parity") as place:
        run = _Comparison(plan, bounds, make_job(plan, place / "inputs"), place, limit, isolated)
        found: dict[str, tuple[Row, ...]] = {}
        for name in names:
            progress(name)
            report, found[name] = run.backend(name)
            reports.append(report)
            rows += found[name]
        if locate:
            reports = run.located(reports, found, progress)
        reports = run.reproduced(reports, found, reproduce, progress)
    return Report(
        subject.name,
        plan.samples,
        tuple(reports),
        tuple(rows),
        (*preflight(subject), *held_findings(subject), *_own_findings(subject, rows)),
        label=subject.label,
        yardstick=subject.yardstick,
        given_samples=plan.given_samples,
        notes=subject.notes,
        left_out=(*subject.left_out, *dropped, *plan.left_out, *_influence(plan)),
        machine=machine() if timed else "",
    )


def without_overflow(subject: Subject) -> tuple[Subject, tuple[str, ...]]:
    """The subject without sets of large inputs on which the native reference overflows.

    Returns:
        The subject, and a sentence for each set that is left out.

    Raises:
        InputError: the native reference overflows on ordinary inputs, where float64 does not.
    """
    expectations, kept, dropped = Expectations(subject), [], []
    for given in subject.input_sets:
        output = ""
        if given.scale or given.name == "probes":
            try:
                output = _overflowing(expectations.of(given.graph, given.name, 0, len(given)))
            except InputError as error:
                if not given.scale:
                    raise
                dropped.append(f"{given.graph}, {given.name}: {error}")
                continue
        if output and not given.scale:
            raise InputError(
                f"{subject.yardstick} answers infinity or no number in {given.graph}/{output} where float64 answers "
                "numbers: the inputs overflow the graph's types; give smaller ones"
            )
        if output:
            dropped.append(f"{given.graph}, {given.name}: {output} overflows in the reference itself.")
        else:
            kept.append(given)
    return dataclasses.replace(subject, input_sets=tuple(kept)), tuple(dropped)


def _overflowing(expected: Expected) -> str:
    for name, native in expected.native.items():
        wide = expected.float64[name]
        if native.dtype.kind not in "biu" and bool((~np.isfinite(native) & np.isfinite(wide)).any()):
            return name
    return ""


def _own_findings(subject: Subject, rows: Sequence[Row]) -> Sequence[Finding]:
    return subject.findings(rows) if subject.findings else ()


def _influence(plan: Plan) -> list[str]:
    return [
        f"{graph.name}, rows alone: rows of a batch influence each other, or outputs do not carry the batch; every "
        "batch is compared with the reference on the very same batch."
        for graph in plan.subject.graphs
        if graph.batch and graph.reference.any_inputs and not plan.expectations.independent(graph.name)
    ]


@dataclasses.dataclass(frozen=True, eq=False)
class _Comparison:
    """Runs backends over one plan."""

    plan: Plan
    bounds: Bounds
    job: Job
    folder: Path
    limit: float
    isolated: bool

    def backend(self, name: str) -> tuple[BackendReport, tuple[Row, ...]]:
        """What one backend answers, judged."""
        backend, subject = backend_named(name), self.plan.subject
        facts = backend.facts
        counts = facts.counts and _ALIKE.get(subject.precision, subject.precision) in facts.precisions
        plan = fewer_given(self.plan) if facts.slow and subject.costly else self.plan
        plan = handful(plan) if facts.emulator else plan
        folder = self.folder / "run"
        job = dataclasses.replace(self.job, steps=plan.steps)
        outcome = run_backend(backend, job, folder, limit=self.limit, isolated=self.isolated)
        shutil.rmtree(folder, ignore_errors=True)
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
        folder = self.folder / "rung"
        job = dataclasses.replace(self.job, steps=plan.steps)
        outcome = run_backend(backend_named(name), job, folder, limit=self.limit, isolated=self.isolated)
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
        self, reports: list[BackendReport], found: dict[str, tuple[Row, ...]], progress: Callable[[str], None]
    ) -> list[BackendReport]:
        """The reports with the place of each error."""
        if all(row.holds for rows in found.values() for row in rows):
            return reports
        from .locating.locate import make_locator  # its imports take half a second

        locator = make_locator(
            self.plan,
            dict(found),
            compare=self.rows_of,
            run_part=self.run_part,
            limit=_SEARCH_SHARE * self.limit,
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
