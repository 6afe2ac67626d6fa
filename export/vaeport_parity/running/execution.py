"""Run one backend over all steps, in a process of its own with a time limit, and read back what it did."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaeport.contract import GRAPHS
from vaeport_export.bundle.subject import Subject

from ..asking.steps import Questions, Step
from ..backends import BACKENDS
from .environments import missing_reason
from .process import run_worker
from .worker import perform

NOT_TRIED = "not tried"
"""What is said of the steps that were left after several deaths."""

_MOST_DEATHS = 4


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a backend answered, and what became of it."""

    version: str
    """Version of its software; empty where it is missing."""
    answers: dict[int, dict[str, NDArray[Any]]] = field(default_factory=dict)
    """By index of the step."""
    errors: dict[int, str] = field(default_factory=dict)
    """What it said, or how it died, by index of the step."""
    milliseconds: dict[int, float] = field(default_factory=dict)
    """Durations, by index of the step that measured one."""
    missing: str | None = None
    """Why it could not be tried."""


def write_inputs(asked: Questions, folder: Path) -> dict[str, str]:
    """Write the input sets once for all backends; their files by `graph.name`."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = {}
    for (graph, name), one in asked.sets.items():
        path = folder / f"{graph}.{name}.npz"
        np.savez(path, **one.inputs)  # type: ignore[arg-type]  # the stub takes allow_pickle for a key
        paths[f"{graph}.{name}"] = str(path)
    return paths


def run_backend(
    name: str,
    subject: Subject,
    asked: Questions,
    inputs: Mapping[str, str],
    folder: Path,
    *,
    limit: float,
    isolated: bool = True,
) -> Outcome:
    """Run one backend over all steps.

    Args:
        name: a key of `BACKENDS`.
        subject: the bundle with its checkpoint.
        asked: what to ask.
        inputs: the files that `write_inputs` wrote.
        folder: a folder of this run's own.
        limit: seconds that it may take in all.
        isolated: whether it gets a process of its own; vaeport's own backends may share this one.
    """
    facts = BACKENDS[name].facts
    if reason := missing_reason(facts):
        return Outcome("", missing=reason)
    (folder / "answers").mkdir(parents=True)
    job = _job(name, subject, asked, inputs)
    deaths: dict[int, str] = {}
    until = time.monotonic() + limit
    while True:
        done = set(_log(folder).ended)
        job["skip"] = sorted(done | set(deaths))
        (folder / "job.json").write_text(json.dumps(job))
        if not isolated:
            perform(folder)
            break
        how = run_worker(facts, folder, until - time.monotonic(), limit)
        log = _log(folder)
        if how is None or log.missing is not None:
            break
        if log.began is None or log.began in log.ended or log.began in deaths:
            deaths |= dict.fromkeys(set(range(len(asked.steps))) - set(log.ended) - set(deaths), how)
            break
        deaths[log.began] = how
        if time.monotonic() >= until or len(deaths) >= _MOST_DEATHS:
            rest = set(range(len(asked.steps))) - set(log.ended) - set(deaths)
            deaths |= dict.fromkeys(rest, f"{NOT_TRIED}, since it {how} before")
            break
    return _outcome(folder, deaths, len(asked.steps))


def run_once(
    name: str,
    graph: str,
    path: Path,
    inputs: Mapping[str, NDArray[Any]],
    outputs: Mapping[str, tuple[int, ...]],
    *,
    bundle: Path,
    folder: Path,
    limit: float,
    isolated: bool,
) -> Outcome:
    """One batch of any graph on one backend, as the only step.

    Args:
        name: a key of `BACKENDS`.
        graph: name of the graph, by which some backends know its function.
        path: the ONNX file.
        inputs: the batch, by input name.
        outputs: shape of one row of each output.
        bundle: folder of the bundle that the graph is of.
        folder: a folder of this run's own, to be made.
        limit: seconds that it may take.
        isolated: whether it gets a process of its own.
    """
    (folder / "answers").mkdir(parents=True)
    np.savez(folder / "inputs.npz", **inputs)  # type: ignore[arg-type]  # the stub takes allow_pickle for a key
    rows = {key: values.shape[1:] for key, values in inputs.items()}
    step = Step(graph, "given", 0, len(next(iter(inputs.values()))))
    job = {
        "backend": name,
        "bundle": str(bundle),
        "graphs": {graph: {"path": str(path), "inputs": rows, "outputs": dict(outputs)}},
        "inputs": {f"{graph}.given": str(folder / "inputs.npz")},
        "steps": [vars(step)],
        "skip": [],
    }
    (folder / "job.json").write_text(json.dumps(job))
    how = None
    if isolated:
        how = run_worker(BACKENDS[name].facts, folder, limit, limit)
    else:
        perform(folder)
    return _outcome(folder, {0: how} if how else {}, 1)


def _job(name: str, subject: Subject, asked: Questions, inputs: Mapping[str, str]) -> dict[str, Any]:
    bundle = subject.bundle
    shapes = bundle.manifest.shapes
    return {
        "backend": name,
        "bundle": str(bundle.path),
        "graphs": {
            graph: {
                "path": str(bundle.path / subject.file(graph)),
                "inputs": {key: shapes.row(key) for key in spec.inputs},
                "outputs": {key: shapes.row(key) for key in spec.outputs},
            }
            for graph, spec in GRAPHS.items()
        },
        "inputs": dict(inputs),
        "steps": [vars(step) for step in asked.steps],
    }


@dataclass
class _Log:
    version: str = ""
    missing: str | None = None
    began: int | None = None
    ended: dict[int, dict[str, Any]] = field(default_factory=dict)


def _log(folder: Path) -> _Log:
    log = _Log()
    path = folder / "log.jsonl"
    for line in path.read_text().splitlines() if path.is_file() else []:
        words = json.loads(line)
        log.version = words.get("version", log.version)
        log.missing = words.get("missing", log.missing)
        log.began = words.get("begin", None if "version" in words else log.began)
        if "end" in words:
            log.ended[words["end"]] = words
    return log


def _outcome(folder: Path, deaths: Mapping[int, str], steps: int) -> Outcome:
    log = _log(folder)
    if log.missing is not None:
        return Outcome(log.version, missing=log.missing)
    outcome = Outcome(log.version, errors=dict(deaths))
    for index in range(steps):
        told = log.ended.get(index)
        if told is None:
            outcome.errors.setdefault(index, "was not run")
        elif "error" in told:
            outcome.errors[index] = told["error"]
        elif "milliseconds" in told:
            outcome.milliseconds[index] = told["milliseconds"]
        else:
            with np.load(folder / f"answers/{index}.npz", allow_pickle=False) as file:
                outcome.answers[index] = {name: file[name] for name in file.files}
    return outcome
