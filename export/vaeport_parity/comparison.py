"""Compare backends with the references of a subject."""

import dataclasses
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from vaeport.common.commands import print_line
from vaeport.common.fileio import scratch_folder
from vaeport.errors import InputError, VaeportError

from .asking.jobs import make_job
from .asking.overflow import without_overflow
from .asking.steps import Plan, make_plan
from .backends import OWN_BACKENDS, all_backends
from .backends.versions import backend_named
from .judging.bounds import Bounds
from .judging.measurement import recorded_rows
from .judging.report import BackendReport, Finding, Row
from .reading.held import held_findings
from .reading.preflight import preflight
from .reporting.report import Report
from .running.beside import Beside
from .running.environments import install, missing_reason
from .running.execution import Outcome
from .running.lanes import Lanes
from .running.machine import machine, processor
from .running.process import server_group
from .running.threads import on_one_thread
from .subjects.finding import find_subject
from .subjects.subject import Subject, SubjectOptions
from .trial import SEARCH_SHARE, Reproduce, Trial, leading_backends

TIME_LIMIT = 600.0
"""Seconds that a backend may take, unless another limit is given."""


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
    asking = _Asking(chosen, limit, isolated=True, timed=timed, locate=locate, reproduce=reproduce)
    return asking.compared(able, progress)


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
        timed: whether durations are measured, in processes of their own, one after the other; None: where there are
            such. Else as many backends run at once as there are cores.
        locate: whether the place of an error is looked for.
        reproduce: whether the smallest graph that still falls short is made for backends that decide, for all, or not.
        progress: called with the name of each backend when it is waited for.

    Raises:
        InputError: no such backend, none that can run this subject, or inputs to which the reference has no answer.
    """
    timed = isolated if timed is None else timed
    chosen = chosen_backends(backends)
    asking = _Asking(chosen, limit, isolated=isolated, timed=timed, locate=locate, reproduce=reproduce)
    return asking.compared([subject], progress)[0]


@dataclasses.dataclass(frozen=True)
class _Asking:
    """How subjects are compared."""

    chosen: list[str]
    limit: float
    isolated: bool
    timed: bool
    locate: bool
    reproduce: Reproduce

    def compared(self, subjects: Sequence[Subject], progress: Callable[[str], None]) -> tuple[Report, ...]:
        """A report for each subject; all backends are started before the first is judged."""
        with ExitStack() as stack:
            place = stack.enter_context(scratch_folder("vaeport-parity"))
            side_by_side = self.isolated and not self.timed
            if side_by_side:
                stack.enter_context(on_one_thread())
                subjects = [_with_fresh_beside(subject, place, stack) for subject in subjects]
            lanes = stack.enter_context(Lanes()) if side_by_side else None
            started: list[tuple[_Started, str]] = []
            for subject in subjects:
                label = f"{subject.precision}: " if len(subjects) > 1 else ""
                progress(f"{label}{subject.yardstick}")
                folder = place / str(len(started))
                folder.mkdir()
                started.append((self._started(subject, folder, lanes), label))
            reports = []
            for one, label in started:
                reports.append(one.report(lambda step, label=label: progress(f"{label}{step}")))  # type: ignore[misc]
            return tuple(reports)

    def _started(self, subject: Subject, place: Path, lanes: Lanes | None) -> "_Started":
        names, spared = _affordable(fitting(self.chosen, subject), subject)
        if not names:
            raise InputError(
                f"{', '.join(self.chosen)} runs the PyTorch original, which {subject.name} has not; give others"
            )
        subject, dropped, expectations = without_overflow(subject)
        plan = make_plan(subject, timed=self.timed, expectations=expectations)
        if not self.isolated and not subject.empty_batch:
            # A batch of 0 can end the whole process: onnxruntime's GRU does.
            plan = dataclasses.replace(plan, steps=tuple(step for step in plan.steps if step.start != step.stop))
        job = make_job(plan, place / "inputs")
        trial = Trial(plan, Bounds(plan), job, place, self.limit, self.isolated, leading_backends(names))
        chains: dict[str, list[str]] = {}
        for name in names:  # what shares a server that is slow to start runs one after the other
            chains.setdefault(server_group(backend_named(name).facts) or name, []).append(name)
        futures: dict[str, Future[Outcome]] = {}
        for chain in chains.values():
            tasks = [partial(trial.answers, name) for name in chain]
            futures |= zip(chain, lanes.add(tasks), strict=True) if lanes else ()
        left_out = (*subject.left_out, *dropped, *spared, *plan.left_out, *_influence(plan), *_narrowed(trial, names))
        return _Started(trial, tuple(names), futures, left_out, self)


@dataclasses.dataclass(frozen=True, eq=False)
class _Started:
    """A subject whose backends are running, or are yet to be run."""

    trial: Trial
    names: tuple[str, ...]
    futures: Mapping[str, "Future[Outcome]"]
    left_out: tuple[str, ...]
    how: _Asking

    def report(self, progress: Callable[[str], None]) -> Report:
        """Wait for each backend, judge it, and look for places."""
        trial, plan, subject = self.trial, self.trial.plan, self.trial.plan.subject
        rows: list[Row] = list(recorded_rows(plan, trial.bounds))
        reports: list[BackendReport] = []
        found: dict[str, tuple[Row, ...]] = {}
        for name in self.names:
            progress(name)
            outcome = self.futures[name].result() if self.futures else trial.answers(name)
            report, found[name] = trial.judged(name, outcome)
            reports.append(report)
            rows += found[name]
        findings = tuple(dict.fromkeys((*preflight(subject), *held_findings(subject), *_own_findings(subject, rows))))
        if self.how.locate:
            reports = trial.located(reports, found, findings, progress)
        reports = trial.reproduced(reports, found, self.how.reproduce, progress)
        if self.how.locate and any(finding.wrong for finding in findings):
            from .locating.locate import departures_from_fresh  # its imports take half a second

            more = departures_from_fresh(plan, SEARCH_SHARE * self.how.limit)
            said = " ".join(report.place for report in reports)
            findings = (*(finding for finding in more if finding.text not in said), *findings)
        return Report(
            subject.name,
            plan.samples,
            tuple(reports),
            tuple(rows),
            findings,
            label=subject.label,
            yardstick=subject.yardstick,
            given_samples=plan.given_samples,
            notes=subject.notes,
            left_out=self.left_out,
            machine=machine() if self.how.timed else "",
            processor=str(processor()),
        )


def _with_fresh_beside(subject: Subject, place: Path, stack: ExitStack) -> Subject:
    """The subject with its fresh graphs made in a process beside: an export from PyTorch takes many seconds."""
    fresh = subject.fresh
    if fresh is None or not any(graph.original for graph in subject.graphs):
        return subject
    folder = Path(tempfile.mkdtemp(dir=place))
    beside = Beside(lambda: {graph.name: _made_or_why(fresh, graph.name) for graph in subject.graphs}, folder)
    stack.callback(beside.close)

    def fresh_graph(name: str) -> bytes:
        made = beside()[name]
        if isinstance(made, VaeportError):
            raise made
        return made

    return dataclasses.replace(subject, fresh=fresh_graph)


def _made_or_why(fresh: Callable[[str], bytes], name: str) -> bytes | VaeportError:
    try:
        return fresh(name)
    except VaeportError as error:
        return error


def _affordable(names: Sequence[str], subject: Subject) -> tuple[list[str], tuple[str, ...]]:
    """Backends without those that would take minutes to no end: slow ones in a precision that is none of theirs.

    One that was named alone is asked all the same.

    Returns:
        The backends, and a sentence for each that is left out.
    """
    dear = [
        name
        for name in names
        if len(names) > 1
        and subject.costly
        and backend_named(name).facts.slow
        and subject.precision not in backend_named(name).facts.precisions
    ]
    spared = tuple(
        f"{name} in {subject.precision}: it takes minutes and would not count; name it alone to run it" for name in dear
    )
    return [name for name in names if name not in dear], spared


def _narrowed(trial: Trial, names: Sequence[str]) -> list[str]:
    """What is said of backends that are asked less than the leading ones."""
    whole = trial.plan.steps
    missing = missing_backends(names)
    fewer = [name for name in names if name not in missing and len(trial.asked(name).steps) < len(whole)]
    if not fewer:
        return []
    largest = max(step.stop - step.start for step in trial.asked(fewer[0]).steps)
    others = [name for name in names if name not in missing and name not in fewer] or ["no other"]
    dear = f"batches of more than {largest} rows, and most of the given rows, of {', '.join(fewer)}"
    return [
        f"{dear}: a row costs much, and {' and '.join(others)} {'are' if len(others) > 1 else 'is'} asked about all"
    ]


def _own_findings(subject: Subject, rows: Sequence[Row]) -> Sequence[Finding]:
    return subject.findings(rows) if subject.findings else ()


def _influence(plan: Plan) -> list[str]:
    return [
        f"{graph.name}, rows alone: rows of a batch influence each other, or outputs do not carry the batch; every "
        "batch is compared with the reference on the very same batch."
        for graph in plan.subject.graphs
        if graph.batch and graph.reference.any_inputs and not plan.expectations.independent(graph.name)
    ]
