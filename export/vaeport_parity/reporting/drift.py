"""How a runtime's answers move from release to release: measured, kept in a file, and as a table."""

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from vaeport.checks.comparison import error_ratio, max_abs_error
from vaeport.common.fileio import scratch_folder, write_text
from vaeport.errors import InputError

from ..asking.jobs import make_job
from ..asking.steps import Plan, make_plan
from ..backends.versions import backend_named
from ..judging.bounds import Bounds
from ..judging.measurement import measure
from ..judging.report import verdict
from ..running.execution import Outcome, run_backend
from ..subjects.subject import Subject
from ..subjects.tensors import Arrays

_PLACES = re.compile(r"(Load model from )?/\S+( failed:\S*)? ?")  # files of this machine and of who built the runtime
_MOST_SAID = 200


@dataclass(frozen=True)
class Release:
    """One release on one subject."""

    subject: str
    """Name of the subject."""
    precision: str
    """`fp32`, `fp16`, ..."""
    backend: str
    """Name of the backend with its version, as it was asked for."""
    version: str
    """Version that was installed; empty where there was none."""
    verdict: str
    """`holds`, `falls short`, `refuses` or `missing`."""
    ratio: float | None
    """Largest error in noise floors; None where nothing was answered."""
    drift: float | None
    """Largest difference from the release before it in the list, in noise floors; None for the first."""
    said: str = ""
    """Why there is no answer."""


def drift_of(
    subject: Subject, names: Sequence[str], *, limit: float, progress: Callable[[str], None] = lambda _: None
) -> list[Release]:
    """Ask one backend in several versions the same.

    Args:
        subject: graphs with references and input sets.
        names: of backends, as of `backend_named`, the oldest first.
        limit: seconds for each.
        progress: called with the name of each before it runs.

    Raises:
        InputError: inputs to which the reference has no answer.
        ValueError: no such backend.
    """
    plan = make_plan(subject, timed=False)
    bounds = Bounds(plan)
    releases: list[Release] = []
    before: Mapping[int, Arrays] = {}
    with scratch_folder("vaeport-drift") as place:
        job = replace(make_job(plan, place / "inputs"), steps=plan.steps)
        for number, name in enumerate(names):
            progress(name)
            backend = backend_named(name)
            outcome = run_backend(backend, job, place / str(number), limit=limit)
            rows = () if outcome.missing else measure(name, outcome, plan, bounds, empty_batch=False).rows
            ratios = [error_ratio(row.figures.max_abs, row.noise_floor) for row in rows if row.rows]
            releases.append(
                Release(
                    subject.name,
                    subject.precision,
                    name,
                    outcome.version,
                    verdict(rows),
                    _rounded(max(ratios, default=None)),
                    _rounded(_difference(outcome, before, plan, bounds)),
                    _said(outcome, plan) if verdict(rows) in ("missing", "refuses") else "",
                )
            )
            before = outcome.answers or before
    return releases


def write_drift(releases: Sequence[Release], file: Path) -> None:
    """Write releases into a file for `read_drift`.

    Raises:
        OutputError: it cannot be written.
    """
    write_text(file, json.dumps([asdict(each) for each in releases], indent=1, allow_nan=False) + "\n")


def read_drift(file: Path) -> list[Release]:
    """Releases that `write_drift` has written.

    Raises:
        InputError: the file cannot be read, or is none of these.
    """
    try:
        return TypeAdapter(list[Release]).validate_json(file.read_bytes())
    except (OSError, ValidationError) as error:
        raise InputError(f"cannot read {file} as a table of releases; make it anew") from error


def drift_markdown(releases: Sequence[Release]) -> str:
    """A table of releases: for each subject and precision the ratio, and the drift from the release before."""
    columns = list(dict.fromkeys((each.subject, each.precision) for each in releases))
    found = {(each.backend, each.subject, each.precision): each for each in releases}
    heads = [f"{subject}, {precision}" for subject, precision in columns]
    return "\n".join(
        [
            "## By release",
            "",
            "The worst ratio, and behind it the largest difference from the release before, both in noise floors.",
            "",
            f"| release | {' | '.join(heads)} |",
            f"|---{'|---' * len(heads)}|",
            *(
                "| "
                + " | ".join([_release(name, releases), *(_cell(found.get((name, *column))) for column in columns)])
                + " |"
                for name in dict.fromkeys(each.backend for each in releases)
            ),
            "",
            *(
                f"- {_release(name, releases)}: {said}, for {', '.join(where)}."
                for (name, said), where in _silent(releases).items()
            ),
            "",
        ]
    )


def _silent(releases: Sequence[Release]) -> dict[tuple[str, str], list[str]]:
    """Where a release gave no answer, by its name and what it said."""
    silent: dict[tuple[str, str], list[str]] = {}
    for each in releases:
        if each.said:
            silent.setdefault((each.backend, each.said), []).append(f"{each.subject} {each.precision}")
    return silent


def _difference(outcome: Outcome, before: Mapping[int, Arrays], plan: Plan, bounds: Bounds) -> float | None:
    """Largest difference of two outcomes, in noise floors."""
    largest = None
    for index in outcome.answers.keys() & before.keys():
        step = plan.steps[index]
        for output in plan.subject.outputs[step.graph]:
            bound = bounds.of(step.graph, output, step.inputs)
            values, other = outcome.answers[index][output], before[index][output]
            largest = max(largest or 0.0, error_ratio(max_abs_error(values, other), bound.noise_floor))
    return largest


def _said(outcome: Outcome, plan: Plan) -> str:
    words = outcome.missing or next(
        (text for index, text in sorted(outcome.errors.items()) if index < len(plan.steps)), ""
    )
    return _shortened(_PLACES.sub("", " ".join(words.split())))


def _shortened(text: str) -> str:
    return (text if len(text) <= _MOST_SAID else f"{text[: _MOST_SAID - 4]} ...").rstrip(".")


def _rounded(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else round(value, 4)


def _release(name: str, releases: Sequence[Release]) -> str:
    version = next((each.version for each in releases if each.backend == name and each.version), "")
    return version or name.partition("==")[2]


def _cell(release: Release | None) -> str:
    if release is None:
        return ""
    if release.ratio is None:
        return release.verdict
    text = f"{release.ratio:.2f}" + ("" if release.drift is None else f" ({release.drift:.2f})")
    return text if release.verdict == "holds" else f"{text} {release.verdict}"
