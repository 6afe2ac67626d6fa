"""A pair whose graph branches: exported with a note, and run only for a reader who trusts its author."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

import vaeport
from tests.foreign.onnx_pair import handmade_pair
from vaeport.errors import BundleError
from vaeport_export import export_modules


def _branching(path: Path) -> Path:
    """Put an If of two equal branches behind a graph's Sigmoid."""
    model = onnx.load(path)
    squash = next(node for node in model.graph.node if node.name == "squash")

    def branch(name: str) -> onnx.GraphProto:
        node = helper.make_node("Sigmoid", ["logits"], [name], f"squash_{name}")
        return helper.make_graph([node], name, [], [helper.make_tensor_value_info(name, TensorProto.FLOAT, None)])

    sizes = helper.make_node("ReduceMax", ["logits"], ["largest"], "largest", keepdims=0)
    zero = helper.make_node("Constant", [], ["zero"], "zero", value_float=0.0)
    above = helper.make_node("Greater", ["largest", "zero"], ["above"], "above")
    choice = helper.make_node("If", ["above"], ["flat"], "choice", then_branch=branch("yes"), else_branch=branch("no"))
    place = list(model.graph.node).index(squash)
    del model.graph.node[place]
    for node in (choice, above, zero, sizes):
        model.graph.node.insert(place, node)
    onnx.save(model, path)
    return path


def test_branching_pair_needs_a_reader_who_trusts_its_author(tmp_path: Path) -> None:
    encoder, decoder = handmade_pair(tmp_path)
    images = np.random.default_rng(0).random((8, 1, 5, 6), np.float32)

    exported = export_modules(encoder, _branching(decoder), labels=["a", "b"], images=images, out=tmp_path / "out")

    assert "fp32/decoder/model.onnx" in exported.refusal
    assert "If" in exported.refusal
    with pytest.raises(BundleError, match="only a trusted bundle may"):
        vaeport.load(exported.path)
    assert vaeport.load(exported.path, trusted=True).generate("a", 3).pixels.shape == (3, 1, 5, 6)
    assert vaeport.verify(exported.path, trusted=True).holds


def test_ordinary_pair_needs_no_trust(tmp_path: Path) -> None:
    encoder, decoder = handmade_pair(tmp_path)
    images = np.random.default_rng(0).random((8, 1, 5, 6), np.float32)

    exported = export_modules(encoder, decoder, labels=["a", "b"], images=images, out=tmp_path / "out")

    assert exported.refusal == ""
    assert vaeport.load(exported.path).generate("a").pixels.shape == (1, 1, 5, 6)
