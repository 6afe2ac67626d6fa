"""Run one backend over all steps, in a process of its own with a time limit, and read back what it did."""

import errno
import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from ..backends import Backend, BrokenPlugin, PluginBackend
from ..backends.base import Arrays, environment_of
from ..backends.versions import base_of
from .arrays import read_arrays, write_arrays
from .environments import missing_reason
from .plain_names import plain_copy
from .process import run_worker
from .worker import perform

NOT_TRIED = "not tried"
"""What is said of the steps that were left after several deaths."""

_MOST_DEATHS = 4
_LEAST_ROOM = 2**20


class Spec(Protocol):
    """Name, type and shape of an input or output, as `subjects.tensors.TensorSpec` has them."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def dtype(self) -> str:
        """Its element type."""

    @property
    def shape(self) -> tuple[int | str, ...]:
        """A size or a symbolic name for each axis."""


class StepLike(Protocol):
    """One run, as `asking.steps.Step` states it."""

    @property
    def graph(self) -> str:
        """Name of the graph, or of the chain."""

    @property
    def inputs(self) -> str:
        """Name of the input set."""

    @property
    def start(self) -> int:
        """First row; 0 where the set is not batched."""

    @property
    def stop(self) -> int:
        """Row after the last; 1 where the set is not batched."""

    @property
    def kind(self) -> str:
        """`run`, `again` or `time`."""


@dataclass(frozen=True)
class GraphJob:
    """One graph of a job."""

    name: str
    """Name in steps; any text."""
    path: Path
    """The ONNX file."""
    inputs: tuple[Spec, ...]
    """Inputs in the order of the file."""
    outputs: tuple[Spec, ...]
    """Outputs in the order of the file."""
    original: Path | None = None
    """Folder with `program.json` and `weights.safetensors`; None where there is no PyTorch original."""


@dataclass(frozen=True)
class SetFile:
    """One input set of a job."""

    path: Path
    """What `running.arrays.write_arrays` wrote."""
    batched: bool = True
    """Whether the first axis of every input is the batch; else nothing is cut."""
    divisors: Mapping[str, float] = field(default_factory=dict)
    """By input that is stored as uint8: what it is divided by in float32 on the backend's side."""


@dataclass(frozen=True)
class ChainJob:
    """Graphs one after the other."""

    name: str
    """Name in steps."""
    graphs: tuple[str, ...]
    """Names of the graphs, in the order in which they run."""
    links: Mapping[str, str]
    """`graph.output` that is given to each `graph.input`; other inputs are the input set's."""


@dataclass(frozen=True)
class Job:
    """Everything that a backend is asked, in plain values."""

    graphs: tuple[GraphJob, ...]
    """The graphs."""
    sets: Mapping[str, SetFile]
    """Input sets by `graph.name`."""
    steps: tuple[StepLike, ...]
    """What is run, in this order."""
    chain: ChainJob | None = None
    """How the graphs follow each other, if they do. A step of the chain answers the last graph's outputs, and its
    inputs that came from other graphs."""


@dataclass(frozen=True)
class OneStep:
    """A single batch."""

    graph: str
    """Name of the graph."""
    inputs: str = "given"
    """Name of the input set."""
    start: int = 0
    """First row."""
    stop: int = 1
    """Row after the last."""
    kind: str = "run"
    """What is done."""


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


def run_backend(
    backend: Backend, job: Job, folder: Path, *, limit: float, isolated: bool = True, forked: bool = False
) -> Outcome:
    """Run one backend over all steps.

    Args:
        backend: what to run.
        job: what to ask.
        folder: a folder of this run's own, made if need be.
        limit: seconds that it may take in all.
        isolated: whether it gets a process of its own; backends without an environment of their own may share this one.
        forked: whether that process is forked from one that has imported the backend, whatever its environment.

    Raises:
        OSError: the disk of the folder is full; what the backend said is no answer then.
    """
    if reason := _missing(backend, job):
        return Outcome("", missing=reason)
    (folder / "answers").mkdir(parents=True)
    values = _values(backend, job, folder)
    deaths: dict[int, str] = {}
    work = partial(run_worker, forked=True) if forked else run_worker
    until = time.monotonic() + limit
    while True:
        values["skip"] = sorted(set(_log(folder).ended) | set(deaths))
        (folder / "job.json").write_text(json.dumps(values))
        if not isolated:
            perform(folder, backend)
            _check_room(folder, _log(folder).errors)
            break
        how = work(backend.facts, folder, until - time.monotonic(), limit)
        log = _log(folder)
        _check_room(folder, [how or "", *log.errors])
        if how is None or log.missing is not None:
            break
        if log.began is None or log.began in log.ended or log.began in deaths:
            deaths |= dict.fromkeys(set(range(len(job.steps))) - set(log.ended) - set(deaths), how)
            break
        deaths[log.began] = how
        if time.monotonic() >= until or len(deaths) >= _MOST_DEATHS:
            rest = set(range(len(job.steps))) - set(log.ended) - set(deaths)
            deaths |= dict.fromkeys(rest, f"{NOT_TRIED}, since it {how} before")
            break
    return _outcome(folder, deaths, len(job.steps))


def run_once(
    backend: Backend,
    graph: GraphJob,
    inputs: Arrays,
    folder: Path,
    *,
    limit: float,
    isolated: bool = True,
    forked: bool = False,
) -> Outcome:
    """Run one graph once on one backend, as the only step.

    Args:
        backend: what to run.
        graph: the graph.
        inputs: arrays by input name, given as they are.
        folder: a folder of this run's own, made if need be.
        limit: seconds that it may take.
        isolated: whether it gets a process of its own.
        forked: as of `run_backend`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    step = OneStep(graph.name)
    write_arrays(folder / "inputs.npz", inputs)
    job = Job((graph,), {f"{graph.name}.{step.inputs}": SetFile(folder / "inputs.npz", batched=False)}, (step,))
    return run_backend(backend, job, folder, limit=limit, isolated=isolated, forked=forked)


def _missing(backend: Backend, job: Job) -> str | None:
    if isinstance(base := base_of(backend), BrokenPlugin):
        return base.reason
    if backend.facts.from_original and not any(graph.original for graph in job.graphs):
        return "it runs the PyTorch original, and there is none to run"
    return missing_reason(backend.facts)


def _values(backend: Backend, job: Job, folder: Path) -> dict[str, Any]:
    """The job as it stands in job.json."""
    base = base_of(backend)
    plugin = base if isinstance(base, PluginBackend) else None
    return {
        "backend": {
            "name": base.facts.name,
            "module": plugin and plugin.module,
            "attribute": plugin and plugin.attribute,
            "file": plugin and str(plugin.file.absolute()),
            "environment": str(environment_of(backend.facts).absolute()),
        },
        "graphs": {
            graph.name: _graph_values(backend, graph, folder / "plain" / str(place))
            for place, graph in enumerate(job.graphs)
        },
        "sets": {
            name: {"path": str(each.path.absolute()), "batched": each.batched, "divisors": dict(each.divisors)}
            for name, each in job.sets.items()
        },
        "steps": [
            {key: getattr(step, key) for key in ("graph", "inputs", "start", "stop", "kind")} for step in job.steps
        ],
        "chain": job.chain and _chain_values(job.chain, job.graphs),
    }


def _graph_values(backend: Backend, graph: GraphJob, folder: Path) -> dict[str, Any]:
    inputs, outputs = ([spec.name for spec in specs] for specs in (graph.inputs, graph.outputs))
    facts = backend.facts
    takes_it = facts.any_names or facts.from_original
    plain, refusal = None, ""
    if not takes_it:
        try:
            plain = plain_copy(graph.path, inputs, outputs, folder)
        except Exception as error:  # noqa: BLE001 - protobuf, onnx and the file system raise errors of all kinds
            refusal = f"the file cannot be read as ONNX: {' '.join(str(error).split())[:200]}"
    return {
        "refusal": refusal,
        "path": str(graph.path.absolute()),
        "inputs": [_spec_values(spec) for spec in graph.inputs],
        "outputs": [_spec_values(spec) for spec in graph.outputs],
        "original": None if graph.original is None else str(graph.original.absolute()),
        "plain": plain and {"path": str(plain.path.absolute()), "names": dict(plain.names)},
    }


def _spec_values(spec: Spec) -> dict[str, Any]:
    return {"name": spec.name, "dtype": spec.dtype, "shape": list(spec.shape)}


def _chain_values(chain: ChainJob, graphs: tuple[GraphJob, ...]) -> dict[str, Any]:
    """The chain with its links taken apart: names of graphs and tensors may have dots themselves."""
    by_name = {graph.name: graph for graph in graphs}
    targets = {f"{name}.{spec.name}": (name, spec.name) for name in chain.graphs for spec in by_name[name].inputs}
    sources = {f"{name}.{spec.name}": (name, spec.name) for name in chain.graphs for spec in by_name[name].outputs}
    links = [
        dict(zip(("graph", "input", "source", "output"), (*targets[target], *sources[source]), strict=True))
        for target, source in chain.links.items()
    ]
    return {
        "name": chain.name,
        "graphs": [
            {"name": name, "inputs": {spec.name: spec.dtype for spec in by_name[name].inputs}} for name in chain.graphs
        ],
        "links": links,
    }


@dataclass
class _Log:
    version: str = ""
    missing: str | None = None
    began: int | None = None
    ended: dict[int, dict[str, Any]] = field(default_factory=dict)

    @property
    def errors(self) -> list[str]:
        return [told["error"] for told in self.ended.values() if "error" in told]


def _check_room(folder: Path, told: Sequence[str]) -> None:
    """Raise the error of a full disk, where that and not the backend is why it failed.

    Args:
        folder: of the run.
        told: how the worker ended, and what it said of each step; empty where all was well.
    """
    if any(os.strerror(number) in text for text in told for number in (errno.ENOSPC, errno.EDQUOT)):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    if any(told):
        room = folder / "room"
        room.write_bytes(bytes(_LEAST_ROOM))  # a worker on a full disk may have died without a word
        room.unlink()


def _log(folder: Path) -> _Log:
    log = _Log()
    path = folder / "log.jsonl"
    for line in path.read_text().splitlines() if path.is_file() else []:
        try:
            words = json.loads(line)
        except ValueError:  # the worker died in the middle of its last line
            break
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
            outcome.answers[index] = read_arrays(folder / f"answers/{index}.npz")
    return outcome
