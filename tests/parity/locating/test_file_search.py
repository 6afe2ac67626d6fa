"""Faults of a file on the very run that fell short, and whose file is named."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import ModelProto, helper, numpy_helper

from tests.export.crooked import Crooked, enlarging
from tests.parity.locating.planting import dense
from vaeport_parity.backends import BACKENDS
from vaeport_parity.building import GraphRequest, make_subject
from vaeport_parity.comparison import compare
from vaeport_parity.judging.report import BackendReport
from vaeport_parity.subjects.subject import Blame, Subject


def subject_of(candidate: ModelProto, folder: Path, *, rows: int = 120) -> Subject:
    onnx.save(dense(), folder / "original.onnx")
    onnx.save(candidate, folder / "candidate.onnx")
    inputs = {"x": np.random.default_rng(0).standard_normal((rows, 8)).astype(np.float32)}
    request = GraphRequest(str(folder / "candidate.onnx"), str(folder / "original.onnx"), inputs=inputs)
    return make_subject({"graph": request}, name="dense", folder=folder / "program")


def located(subject: Subject, backend: str = "onnxruntime-all") -> BackendReport:
    return compare(subject, backend, isolated=False).backends[0]


def behind(model: ModelProto, tensor: str, nodes: list[onnx.NodeProto], **constants: Any) -> ModelProto:
    """Put nodes behind a tensor, which they read as `raw` and give by its name."""
    for name, value in constants.items():
        array = np.asarray(value)
        array = array.astype(np.float32) if array.dtype.kind == "f" else array.astype(np.int64)
        model.graph.initializer.append(numpy_helper.from_array(array, name))
    at = next(index for index, node in enumerate(model.graph.node) if tensor in node.output)
    model.graph.node[at].output[0] = "raw"
    for place, node in enumerate(nodes):
        model.graph.node.insert(at + 1 + place, node)
    return model


def off_for(condition: list[onnx.NodeProto], **constants: Any) -> ModelProto:
    """A tenth is added to what the first layer gives where a condition, `astray`, holds."""
    nodes = [
        *condition,
        helper.make_node("Cast", ["astray"], ["number"], to=onnx.TensorProto.FLOAT),
        helper.make_node("Mul", ["number", "amount"], ["drift"]),
        helper.make_node("Add", ["raw", "drift"], ["second"], name="drifting"),
    ]
    return behind(dense(), "second", nodes, amount=0.1, **constants)


def test_fault_of_large_batches_alone_is_placed(tmp_path: Path) -> None:
    sizes = [
        helper.make_node("Shape", ["x"], ["sizes"]),
        helper.make_node("Gather", ["sizes", "place"], ["count"]),
        helper.make_node("Greater", ["count", "limit"], ["astray"]),
    ]

    found = located(subject_of(off_for(sizes, place=[0], limit=[64]), tmp_path))

    assert "'drifting' (Add of raw, drift) is off by 0.1" in found.place
    assert found.rung == "onnx-reference"


def test_fault_of_one_row_is_placed(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).standard_normal((120, 8)).astype(np.float32)
    last = float(np.sort(rows[:, 0])[-1])
    condition = [
        helper.make_node("Gather", ["x", "column"], ["values"], axis=1),
        helper.make_node("GreaterOrEqual", ["values", "limit"], ["astray"]),
    ]

    found = located(subject_of(off_for(condition, column=[0], limit=last), tmp_path))

    assert "'drifting' (Add of raw, drift)" in found.place


def test_rounding_that_float64_hides_is_placed(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Cast", ["raw"], ["narrow"], name="narrowing", to=onnx.TensorProto.FLOAT16),
        helper.make_node("Cast", ["narrow"], ["second"], name="widening", to=onnx.TensorProto.FLOAT),
    ]

    found = located(subject_of(behind(dense(), "second", nodes), tmp_path))

    assert "node 'narrowing' (Cast of raw)" in found.place


def test_random_node_is_the_place(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("RandomUniformLike", ["raw"], ["noise"], name="drawn"),
        helper.make_node("Add", ["raw", "noise"], ["second"]),
    ]

    found = located(subject_of(behind(dense(), "second", nodes), tmp_path))

    assert "node 'drawn' (RandomUniformLike of raw) draws random numbers" in found.place


def test_file_that_contradicts_all_others_is_named_instead_of_the_graph(tmp_path: Path) -> None:
    model = dense()
    model.graph.node[1].op_type = "Softplus"
    subject = subject_of(model, tmp_path)
    blamed = dataclasses.replace(subject, blame=lambda _: Blame("original.onnx", "it contradicts all others"))
    own = dataclasses.replace(subject, blame=lambda _: Blame(subject.graphs[0].file, "it contradicts all others"))

    assert located(blamed).place == "original.onnx: it contradicts all others"
    assert "(Softplus of first)" in located(own).place


def test_same_fault_has_the_same_place_on_all_backends(tmp_path: Path) -> None:
    model = dense()
    model.graph.node[1].op_type = "Softplus"

    reports = compare(subject_of(model, tmp_path), "onnxruntime-none,onnxruntime-all", isolated=False).backends

    assert len({each.place for each in reports}) == 1
    assert reports[0].place


def test_right_file_is_not_accused_of_a_backends_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BACKENDS, "crooked", Crooked("crooked", enlarging("bent", "dense")))

    found = located(subject_of(dense(), tmp_path), "crooked")

    assert found.place.startswith("graph, node 'bent' (Tanh of second) is off by ")
    assert "the file is right" in found.place
    assert found.rung == "crooked"
