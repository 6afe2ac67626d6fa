"""How a backend is run: steps cut from input sets, chains, and answers that are not what the graph states."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper

from vaeport_parity.backends import BACKENDS, OWN_BACKENDS, Facts, GraphFile, Runner, Tensor
from vaeport_parity.backends.base import Arrays, per_shape, row_by_row
from vaeport_parity.running.arrays import write_arrays
from vaeport_parity.running.environments import missing_reason
from vaeport_parity.running.execution import ChainJob, GraphJob, Job, OneStep, Outcome, SetFile, run_backend

from .graphs import CASES, FLOAT, floats, model_of


@dataclass(frozen=True)
class Answering:
    """A backend that answers by a function, whatever the graph."""

    function: Callable[[Arrays], Any]
    any_names: bool = True

    @property
    def facts(self) -> Facts:
        return Facts("answering", module="numpy", any_names=self.any_names)

    def version(self) -> str:
        return "1"

    def load(self, _: GraphFile) -> Runner:
        return self.function


def job_of(path: Path, *, batched: bool = True, divisors: dict[str, float] | None = None, **arrays: Any) -> Job:
    write_arrays(path / "set.npz", arrays)
    graph = GraphJob(
        "g", path / "absent.onnx", (Tensor("x", "float32", ("n", 3)),), (Tensor("y", "float32", ("n", 2)),)
    )
    return Job((graph,), {"g.given": SetFile(path / "set.npz", batched, divisors or {})}, (OneStep("g", stop=2),))


def run(function: Callable[[Arrays], Any], job: Job, folder: Path) -> Outcome:
    return run_backend(Answering(function), job, folder / "job", limit=10, isolated=False)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (np.zeros((2, 3), np.int64), "y came as int64 [2, 3], expected float32 [2, 2]"),
        (np.zeros((1, 2), np.float32), "y came as float32 [1, 2], expected float32 [2, 2]"),
        (np.zeros((2, 2)), "y came as float64 [2, 2], expected float32 [2, 2]"),
        (np.zeros(2, np.float32), "y came as float32 [2], expected float32 [2, 2]"),
    ],
)
def test_answer_of_another_type_or_shape_is_told(answer: Any, sentence: str, tmp_path: Path) -> None:
    outcome = run(lambda _: {"y": answer}, job_of(tmp_path, x=floats(5, 3)), tmp_path)

    assert outcome.errors == {0: sentence}


def test_output_that_does_not_come_is_named(tmp_path: Path) -> None:
    outcome = run(lambda _: {"z": 0}, job_of(tmp_path, x=floats(5, 3)), tmp_path)

    assert outcome.errors == {0: "no output 'y' came; there are 'z'"}


def test_file_that_is_no_onnx_is_refused_in_words(tmp_path: Path) -> None:
    job = job_of(tmp_path, x=floats(5, 3))
    job.graphs[0].path.write_bytes(b"no model")

    outcome = run_backend(Answering(dict, any_names=False), job, tmp_path / "job", limit=10, isolated=False)

    assert outcome.errors[0].startswith("cannot be loaded: the file cannot be read as ONNX: ")


def test_batched_set_is_cut_and_pixels_are_divided(tmp_path: Path) -> None:
    pixels = np.arange(15, dtype=np.uint8).reshape(5, 3)
    job = job_of(tmp_path, divisors={"x": 255.0}, x=pixels)

    outcome = run(lambda inputs: {"y": inputs["x"][:, :2]}, job, tmp_path)

    assert np.array_equal(outcome.answers[0]["y"], pixels[:2, :2].astype(np.float32) / np.float32(255))


def test_set_without_a_batch_is_not_cut(tmp_path: Path) -> None:
    x = floats(5, 3)

    outcome = run(lambda inputs: {"y": inputs["x"][:, :2]}, job_of(tmp_path, batched=False, x=x), tmp_path)

    assert np.array_equal(outcome.answers[0]["y"], x[:, :2])


def chain_job(folder: Path) -> tuple[Job, Arrays]:
    """Three graphs whose names and tensors have dots; the last takes what both others give, and an input of its own."""
    folder.mkdir(parents=True, exist_ok=True)

    def graph(name: str, inputs: list[str], outputs: list[str], nodes: list[onnx.NodeProto]) -> GraphJob:
        given, wanted = ([(each, FLOAT, ["n", 3]) for each in names] for names in (inputs, outputs))
        path = folder / f"{len(name)}.onnx"
        onnx.save(model_of("g", nodes, given, wanted), path)
        ins, outs = (tuple(Tensor(each, "float32", ("n", 3)) for each in names) for names in (inputs, outputs))
        return GraphJob(name, path, ins, outs)

    graphs = (
        graph("a", ["b.x"], ["y"], [helper.make_node("Neg", ["b.x"], ["y"])]),
        graph("a.b", ["x"], ["y"], [helper.make_node("Exp", ["x"], ["y"])]),
        graph(
            "last",
            ["p", "q", "r"],
            ["sum"],
            [helper.make_node("Add", ["p", "q"], ["s"]), helper.make_node("Mul", ["s", "r"], ["sum"])],
        ),
    )
    links = {"last.p": "a.y", "last.q": "a.b.y"}
    given = {"b.x": floats(4, 3), "x": floats(4, 3, seed=2), "r": floats(4, 3, seed=3)}
    write_arrays(folder / "set.npz", given)
    chain = ChainJob("all", ("a", "a.b", "last"), links)
    return Job(graphs, {"all.given": SetFile(folder / "set.npz")}, (OneStep("all", stop=3),), chain), given


@pytest.mark.parametrize("backend", ["onnxruntime-all", "onnx-reference"])
def test_chain_passes_outputs_on(backend: str, tmp_path: Path) -> None:
    job, given = chain_job(tmp_path / "graphs")

    outcome = run_backend(BACKENDS[backend], job, tmp_path / "job", limit=60, isolated=False)

    assert outcome.errors == {}
    p, q = -given["b.x"][:3], np.exp(given["x"][:3])
    expected = {"p": p, "q": q, "sum": (p + q) * given["r"][:3]}
    assert outcome.answers[0].keys() == expected.keys()
    assert all(np.allclose(outcome.answers[0][name], values, atol=1e-6) for name, values in expected.items())


def test_chain_with_a_graph_that_cannot_be_loaded_says_so(tmp_path: Path) -> None:
    job, _ = chain_job(tmp_path / "graphs")
    job.graphs[1].path.write_bytes(b"no model")

    outcome = run_backend(BACKENDS["onnxruntime-all"], job, tmp_path / "job", limit=60, isolated=False)

    assert outcome.errors[0].startswith("cannot be loaded: ")


def test_backend_of_the_original_is_missing_where_there_is_none(tmp_path: Path) -> None:
    case = next(case for case in CASES if case.torch is None)
    job = Job((case.job(tmp_path / "graph"),), {}, ())

    outcome = run_backend(BACKENDS["torch-float32"], job, tmp_path / "job", limit=60, isolated=False)

    assert outcome.missing == "it runs the PyTorch original, and there is none to run"


@pytest.mark.parametrize("backend", list(BACKENDS))
def test_run_leaves_the_working_directory_clean(backend: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if reason := missing_reason(BACKENDS[backend].facts):
        pytest.skip(reason)
    case = next(case for case in CASES if case.name == "convolution_2d")
    write_arrays(tmp_path / "set.npz", case.sets[0])
    sets = {f"{case.name}.given": SetFile(tmp_path / "set.npz", batched=False)}
    job = Job((case.job(tmp_path / "graph"),), sets, (OneStep(case.name),))
    place = tmp_path / "place"
    place.mkdir()
    monkeypatch.chdir(place)

    outcome = run_backend(BACKENDS[backend], job, tmp_path / "job", limit=120, isolated=backend not in OWN_BACKENDS)

    assert outcome.errors == {}
    assert list(place.iterdir()) == []


def test_shapes_are_loaded_once_each() -> None:
    loads = []

    def load(shapes: Any) -> Runner:
        loads.append(dict(shapes))
        return lambda inputs: inputs

    runner = per_shape(load)
    for size in (1, 2, 1):
        runner({"x": np.zeros((size, 3)), "y": np.zeros(())})

    assert loads == [{"x": (1, 3), "y": ()}, {"x": (2, 3), "y": ()}]


def graph_file(inputs: tuple[Tensor, ...], outputs: tuple[Tensor, ...], folder: Path) -> GraphFile:
    named = [{each.name: each for each in tensors} for tensors in (inputs, outputs)]
    return GraphFile("g", folder, named[0], named[1], None, folder, folder)


def test_rows_are_put_together_again(tmp_path: Path) -> None:
    tensors = (Tensor("x", "float32", ("n", 3)),), (Tensor("y", "float32", ("n", 3)), Tensor("s", "float32", ("n",)))
    runner = row_by_row(lambda inputs: {"y": inputs["x"][0], "s": inputs["x"].sum(1)}, graph_file(*tensors, tmp_path))
    x = floats(4, 3)

    answers = runner({"x": x})

    assert np.array_equal(answers["y"], x)
    assert np.allclose(answers["s"], x.sum(1))


def test_rows_of_an_output_without_the_batch_are_refused(tmp_path: Path) -> None:
    tensors = (Tensor("x", "float32", ("n", 3)),), (Tensor("total", "float32", ()),)

    with pytest.raises(ValueError, match="the output 'total' has no batch as its first axis"):
        row_by_row(lambda inputs: inputs, graph_file(*tensors, tmp_path))
