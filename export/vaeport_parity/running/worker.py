"""The process that one backend runs in: it reads a job, answers step by step, and logs as each begins and ends.

It is run as a file by the backend's own interpreter, where neither vaeport nor PyTorch need be installed; what it
imports at the top is Python's own and numpy. A step that began and did not end tells where a process died.
"""

import json
import statistics
import sys
import time
import types
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from vaeport_parity.backends import Backend, GraphFile, Runner

_TIMED_SECONDS = 0.5
_MOST_TIMED = 50


def perform(job: Path) -> None:
    """Do the job in a folder: `job.json` and the inputs it names are read, `log.jsonl` and `answers/` written."""
    from vaeport_parity.backends import BACKENDS

    asked = json.loads((job / "job.json").read_text())
    backend = BACKENDS[asked["backend"]]
    with (job / "log.jsonl").open("a", buffering=1) as log:
        tell = _teller(log.write)
        try:
            tell(version=backend.version())
            runners = _load(backend, asked, job, tell)
        except ImportError as error:
            tell(missing=_sentence(error))
            return
        inputs = {name: dict(np.load(path)) for name, path in asked["inputs"].items()}
        for index, step in enumerate(asked["steps"]):
            if index in asked["skip"]:
                continue
            tell(begin=index)
            began = time.perf_counter()
            try:
                told = _do(step, runners, inputs[f"{step['graph']}.{step['inputs']}"], job / f"answers/{index}.npz")
            except Exception as error:  # noqa: BLE001 - runtimes raise errors of all kinds
                tell(end=index, error=_sentence(error))
            else:
                tell(end=index, seconds=time.perf_counter() - began, **told)


def _teller(write: Callable[[str], Any]) -> Callable[..., None]:
    return lambda **words: write(json.dumps(words) + "\n") and None


def _load(backend: "Backend", asked: dict[str, Any], job: Path, tell: Callable[..., None]) -> dict[str, "Runner"]:
    from vaeport_parity.backends import GraphFile

    runners = {}
    for name, graph in asked["graphs"].items():
        scratch = job / "scratch" / name
        scratch.mkdir(parents=True, exist_ok=True)
        tell(loading=name)
        rows = {kind: {key: tuple(shape) for key, shape in graph[kind].items()} for kind in ("inputs", "outputs")}
        file = GraphFile(name, Path(graph["path"]), rows["inputs"], rows["outputs"], Path(asked["bundle"]), scratch)
        try:
            runners[name] = _checked(backend.load(file), file)
        except ImportError:
            raise
        except Exception as error:  # noqa: BLE001 - runtimes raise errors of all kinds
            runners[name] = _refusing(_sentence(error))
        tell(loaded=name)
    return runners


def _checked(run: "Runner", graph: "GraphFile") -> "Runner":
    """A runner whose answers are named and shaped as the contract says, or an error that tells what they are."""

    def checked(inputs: dict[str, Any]) -> dict[str, Any]:
        answers = {name: np.asarray(values) for name, values in run(inputs).items()}
        batch = len(next(iter(inputs.values())))
        for name, row in graph.outputs.items():
            if answers[name].shape != (batch, *row):
                raise ValueError(f"{name} came as {list(answers[name].shape)}, expected {[batch, *row]}")
        return answers

    return checked


def _refusing(sentence: str) -> "Runner":
    def refuse(_: dict[str, Any]) -> dict[str, Any]:
        raise RuntimeError(f"cannot be loaded: {sentence}")

    return refuse


def _do(step: dict[str, Any], runners: dict[str, "Runner"], inputs: dict[str, Any], path: Path) -> dict[str, Any]:
    given = {name: _float(values[step["start"] : step["stop"]]) for name, values in inputs.items()}
    if step["graph"] == "chain":
        encoded = runners["encoder_classifier"](given)
        latents = {"z": encoded["z_mean"], "class_probs": encoded["class_probs"]}
        answers = {**latents, **runners["decoder"]({k: np.ascontiguousarray(v, "f4") for k, v in latents.items()})}
    elif step["kind"] == "time":
        return {"milliseconds": _duration(lambda: runners[step["graph"]](given))}
    else:
        answers = dict(runners[step["graph"]](given))
    np.savez(path, **answers)
    return {}


def _float(values: Any) -> Any:
    """Pixels become float32 here, as an application would do it; floats pass."""
    if values.dtype == np.uint8:
        values = values.astype(np.float32) / np.float32(255)
    return np.ascontiguousarray(values)


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


if __name__ == "__main__":
    # The package is found by its folder: a path would bring the rest of another environment along.
    package = types.ModuleType("vaeport_parity")
    package.__path__ = [str(Path(__file__).resolve().parents[1])]
    sys.modules["vaeport_parity"] = package
    perform(Path(sys.argv[1]))
