"""The process that one backend runs in: it reads a job, answers step by step, and logs as each begins and ends.

It is run as a file by the backend's own interpreter, where neither vaeport nor PyTorch need be installed; what it
imports at the top is Python's own and numpy. A step that began and did not end tells where a process died.
"""

import contextlib
import importlib
import importlib.util
import json
import os
import statistics
import sys
import time
import traceback
import types
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from vaeport_parity.backends.base import Arrays, Backend, GraphFile, Runner, Tensor

_TIMED_SECONDS = 0.5
_MOST_TIMED = 50


def perform(folder: Path, backend: "Backend | None" = None) -> None:
    """Do the job in a folder: `job.json` and the inputs it names are read, `log.jsonl` and `answers/` written.

    Args:
        folder: of the job.
        backend: what to run; None takes the one that the job names.
    """
    from vaeport_parity.running.arrays import read_arrays

    job = json.loads((folder / "job.json").read_text())
    with (folder / "log.jsonl").open("a", buffering=1) as log:
        tell = _teller(log.write)
        try:
            backend = backend or _backend(job["backend"])
            tell(version=backend.version())
            runners = _load(backend, job, folder, tell)
        except ImportError as error:
            tell(missing=_sentence(error))
            return
        sets: dict[str, Arrays] = {}
        for index, step in enumerate(job["steps"]):
            if index in job["skip"]:
                continue
            tell(begin=index)
            began = time.perf_counter()
            try:
                name = f"{step['graph']}.{step['inputs']}"
                run = _runner(step, runners, job["chain"])
                if name not in sets:
                    sets[name] = read_arrays(Path(job["sets"][name]["path"]))
                inputs = _inputs(sets[name], job["sets"][name], step)
                told = _do(step, run, inputs, folder / f"answers/{index}.npz")
            except (Exception, SystemExit) as error:  # noqa: BLE001 - runtimes raise errors of all kinds, and end programs
                tell(end=index, error=_sentence(error))
            else:
                tell(end=index, seconds=time.perf_counter() - began, **told)


def _teller(write: Callable[[str], Any]) -> Callable[..., None]:
    return lambda **words: write(json.dumps(words) + "\n") and None


def _backend(named: Mapping[str, Any]) -> "Backend":
    """The backend of a job: one of this package, or a plug-in whose module is loaded from its file.

    Raises:
        ImportError: the plug-in cannot be loaded in this environment.
    """
    from vaeport_parity.backends import BUILT_IN

    if named["module"] is None:
        return BUILT_IN[named["name"]]
    from vaeport_parity.backends.plugins import backends_of

    top = named["module"].partition(".")[0]
    if top not in sys.modules:
        file = Path(named["file"])
        inner = [str(file.parent)] if file.name == "__init__.py" else None
        spec = importlib.util.spec_from_file_location(top, file, submodule_search_locations=inner)
        if spec is None or spec.loader is None:
            raise ImportError(f"the plug-in's file {file} is no Python module")
        sys.modules[top] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[top])
    module = importlib.import_module(named["module"])
    return next(each for each in backends_of(module, named["attribute"]) if each.facts.name == named["name"])


def _load(
    backend: "Backend", job: dict[str, Any], folder: Path, tell: Callable[..., None]
) -> dict[str, "Runner | str"]:
    """A runner for each graph, or a sentence that says why it cannot be loaded."""
    from vaeport_parity.backends.base import GraphFile, Tensor

    runners: dict[str, Runner | str] = {}
    for place, (name, graph) in enumerate(job["graphs"].items()):
        scratch = folder / "scratch" / str(place)
        scratch.mkdir(parents=True, exist_ok=True)
        tell(loading=name)
        if graph["refusal"]:
            runners[name] = f"cannot be loaded: {graph['refusal']}"
            continue
        inputs, outputs = (
            {each["name"]: Tensor(each["name"], each["dtype"], tuple(each["shape"])) for each in graph[kind]}
            for kind in ("inputs", "outputs")
        )
        original = Path(graph["original"]) if graph["original"] else None
        file = GraphFile(
            name, Path(graph["path"]), inputs, outputs, original, scratch, Path(job["backend"]["environment"])
        )
        try:
            plain = graph["plain"]
            run = backend.load(file) if plain is None else _renamed(backend.load, file, plain)
            runners[name] = _checked(run, file, float64=backend.facts.float64)
        except ImportError:
            raise
        except (Exception, SystemExit) as error:  # noqa: BLE001 - runtimes raise errors of all kinds, and end programs
            runners[name] = f"cannot be loaded: {_sentence(error)}"
        tell(loaded=name)
    return runners


def _renamed(load: Callable[["GraphFile"], "Runner"], file: "GraphFile", plain: dict[str, Any]) -> "Runner":
    """Load a copy whose inputs and outputs have plain names; what it gives is called by the graph's own again."""
    import dataclasses

    names: dict[str, str] = plain["names"]

    def renamed(tensors: "Mapping[str, Tensor]") -> "dict[str, Tensor]":
        return {names[name]: dataclasses.replace(tensor, name=names[name]) for name, tensor in tensors.items()}

    copy = dataclasses.replace(
        file, path=Path(plain["path"]), inputs=renamed(file.inputs), outputs=renamed(file.outputs)
    )
    runner = load(copy)

    def run(inputs: "Arrays") -> dict[str, Any]:
        answers = runner({names[name]: values for name, values in inputs.items()})
        return {name: answers[names[name]] for name in file.outputs if names[name] in answers}

    return run


def _checked(run: "Runner", graph: "GraphFile", *, float64: bool) -> "Runner":
    """A runner whose answers have the names, types and shapes that the graph states, or an error that tells theirs."""
    from vaeport_parity.backends.base import FLOATS

    def checked(inputs: "Arrays") -> "Arrays":
        sizes: dict[str, int] = {}
        for name, tensor in graph.inputs.items():
            for axis, size in zip(tensor.shape, inputs[name].shape, strict=True):
                if isinstance(axis, str):
                    sizes.setdefault(axis, size)
        found = run(inputs)
        answers = {}
        for name, tensor in graph.outputs.items():
            if name not in found:
                raise ValueError(f"no output {name!r} came; there are {', '.join(map(repr, found)) or 'none'}")
            answers[name] = values = np.asarray(found[name])
            shape = [sizes.get(axis, axis) if isinstance(axis, str) else axis for axis in tensor.shape]
            dtype = "float64" if float64 and tensor.dtype in FLOATS else tensor.dtype
            fits = len(shape) == values.ndim and all(
                isinstance(wanted, str) or wanted == size for wanted, size in zip(shape, values.shape, strict=True)
            )
            if not fits or values.dtype.name != dtype:
                raise ValueError(
                    f"{name} came as {values.dtype.name} {list(values.shape)}, expected {dtype} {_words(shape)}"
                )
        return answers

    return checked


def _words(shape: list[Any]) -> str:
    return f"[{', '.join(map(str, shape))}]"


def _inputs(values: "Arrays", stored: Mapping[str, Any], step: Mapping[str, Any]) -> "Arrays":
    """The inputs of a step. Pixels become float32 here, as an application would do it."""
    from vaeport_parity.running.arrays import divided, rows_of

    given = {}
    for name, whole in values.items():
        part = rows_of(whole, step["start"], step["stop"]) if stored["batched"] else whole
        if name in stored["divisors"]:
            part = divided(part, stored["divisors"][name])
        given[name] = np.asarray(part, order="C")
    return given


def _runner(step: Mapping[str, Any], runners: Mapping[str, "Runner | str"], chain: dict[str, Any] | None) -> "Runner":
    """What runs a step: a graph or the chain.

    Raises:
        RuntimeError: a graph of it could not be loaded.
    """
    loaded: dict[str, Runner] = {}
    is_chain = chain is not None and step["graph"] == chain["name"]
    for name in [graph["name"] for graph in chain["graphs"]] if chain and is_chain else [step["graph"]]:
        run = runners[name]
        if isinstance(run, str):
            raise RuntimeError(run)  # noqa: TRY004 - it is no type that is wrong, but why there is no runner
        loaded[name] = run
    return (lambda given: _chained(chain, loaded, given)) if chain and is_chain else loaded[step["graph"]]


def _do(step: Mapping[str, Any], run: "Runner", inputs: "Arrays", path: Path) -> dict[str, Any]:
    from vaeport_parity.running.arrays import write_arrays

    if step["kind"] == "time":
        return {"milliseconds": _duration(lambda: run(inputs))}
    write_arrays(path, dict(run(inputs)))
    return {}


def _chained(chain: Mapping[str, Any], runners: Mapping[str, "Runner"], given: "Arrays") -> "Arrays":
    """Answers of the last of several graphs, with the inputs that it had from the others."""
    answers: dict[str, Arrays] = {}
    linked: Arrays = {}
    outputs: Arrays = {}
    for graph in chain["graphs"]:
        linked = {
            link["input"]: np.asarray(answers[link["source"]][link["output"]], order="C")
            for link in chain["links"]
            if link["graph"] == graph["name"]
        }
        inputs = {name: linked[name] if name in linked else given[name] for name in graph["inputs"]}
        inputs = {name: _narrowed(values, graph["inputs"][name]) for name, values in inputs.items()}
        outputs = answers[graph["name"]] = dict(runners[graph["name"]](inputs))
    return {**linked, **outputs}


def _narrowed(values: Any, dtype: str) -> Any:
    """Answers as the next graph takes them: those of a backend in float64 are rounded to its type."""
    from vaeport_parity.backends.base import FLOATS, numpy_dtype

    return values.astype(numpy_dtype(dtype)) if dtype in FLOATS and values.dtype.name == "float64" else values


def _duration(run: Callable[[], object]) -> float:
    """Median milliseconds of a run, after one to warm up."""
    run()
    seconds: list[float] = []
    until = time.perf_counter() + _TIMED_SECONDS
    while not seconds or (len(seconds) < _MOST_TIMED and time.perf_counter() < until):
        began = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds) * 1000


def _sentence(error: BaseException) -> str:
    words = " ".join(str(error).split()) or type(error).__name__
    return words if len(words) <= 300 else f"{words[:297]}..."


def serve() -> None:
    """Fork a worker for each job that standard input names, and tell its process id and exit code on standard output.

    A request is a line of JSON: `folder` of the job, and `modules` to import before the fork, which every later worker
    then has too.
    """
    answers = os.dup(1)
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 1)
    for line in sys.stdin:
        request = json.loads(line)
        for module in request["modules"]:
            with contextlib.suppress(Exception):  # the worker says what is wrong with it
                importlib.import_module(module)
        pid = os.fork()
        if pid == 0:
            os.close(answers)
            os._exit(_forked(Path(request["folder"]), nowhere))
        _lead_group(pid)  # here too, so that the group is there before anybody is told of it
        os.write(answers, json.dumps({"pid": pid}).encode() + b"\n")
        _, status = os.waitpid(pid, 0)
        os.write(answers, json.dumps({"code": os.waitstatus_to_exitcode(status)}).encode() + b"\n")


def _lead_group(pid: int) -> None:
    """Put a process (0 for this one) into a group of its own, which is ended as a whole."""
    with contextlib.suppress(ProcessLookupError):  # it may have ended already
        os.setpgid(pid, pid)


def _forked(folder: Path, nowhere: int) -> int:
    """Do one job in a process that was forked; its exit code."""
    _lead_group(0)
    os.chdir(folder)  # some converters leave files where they are run
    output = os.open(folder / "output.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream, target in ((0, nowhere), (1, output), (2, output)):
        os.dup2(target, stream)
    try:
        perform(folder)
    except BaseException:  # noqa: BLE001 - the same as at the end of a program of its own
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


if __name__ == "__main__":
    # The package is found by its folder: a path would bring the rest of another environment along.
    package = types.ModuleType("vaeport_parity")
    package.__path__ = [str(Path(__file__).resolve().parents[1])]
    sys.modules["vaeport_parity"] = package
    if sys.argv[1] == "--serve":
        serve()
    else:
        perform(Path(sys.argv[1]))
