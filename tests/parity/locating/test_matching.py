from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from onnx import ModelProto, helper, numpy_helper
from torch import nn

from tests.parity.locating.graphs import built
from vaeport_parity.locating.matching import first_unmatched, onnx_tensors, torch_tensors
from vaeport_parity.locating.tensors import TensorGraph

TEXT = """<ir_version: 8, opset_import: ["": 17]>
    net (float[batch, 3] x) => (float[batch, 4] y) <int64[1] first = {0}> {
        product = MatMul (x, w)
        shifted = Add (product, b)
        turned = Transpose <perm = [1, 0]> (shifted)
        powers = Exp (turned)
        total = ReduceSum <keepdims = 1> (powers, first)
        shares = Div (powers, total)
        y = Transpose <perm = [1, 0]> (shares)
    }"""


def net() -> ModelProto:
    """A linear layer and softmax over transposed values, in parts."""
    return built(TEXT, {"w": (3, 4), "b": (4,)})


X = {"x": np.random.default_rng(0).standard_normal((5, 3)).astype(np.float32)}


def module_values(model: ModelProto) -> list[NDArray[Any]]:
    """What a module with the weights of a graph computes: the linear layer at once, softmax at once."""
    weights = {t.name: torch.from_numpy(numpy_helper.to_array(t).copy()).double() for t in model.graph.initializer}
    x = torch.from_numpy(X["x"]).double()
    return list(torch_tensors(lambda: nn.functional.linear(x, weights["w"].T, weights["b"]).softmax(1)))


def test_whole_graph_is_matched_though_pytorch_splits_it_otherwise() -> None:
    model = net()

    assert first_unmatched(TensorGraph(model), model, X, "y", module_values(model), 1.0) is None


def test_first_tensor_that_pytorch_never_computes_is_found_in_any_layout() -> None:
    model = net()
    model.graph.node[4].op_type = "ReduceMax"
    model.graph.node[4].input.pop()
    model.graph.node[4].attribute.append(helper.make_attribute("axes", [0]))

    found = first_unmatched(TensorGraph(model), model, X, "y", module_values(net()), 1.0)

    assert found in ("powers", "total")  # softmax is one step in PyTorch, so that its parts are nowhere


def test_branch_that_is_sound_is_passed_over() -> None:
    model = net()
    model.graph.node[1].op_type = "Sub"

    found = first_unmatched(TensorGraph(model), model, X, "y", onnx_tensors(net(), X), 1.0)

    assert found == "shifted"


@pytest.mark.parametrize("error", [1e-3, 1.0])
def test_small_defect_is_found_by_a_strict_comparison(error: float) -> None:
    model = net()
    weight = next(t for t in model.graph.initializer if t.name == "w")
    values = numpy_helper.to_array(weight).copy()
    values[1, 2] *= np.float32(1 + 1e-4)
    weight.CopyFrom(numpy_helper.from_array(values, "w"))

    assert first_unmatched(TensorGraph(model), model, X, "y", onnx_tensors(net(), X), error) == "product"


def test_attention_is_recorded_step_by_step() -> None:
    query = torch.randn(1, 2, 3, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)

    recorded = torch_tensors(lambda: nn.functional.scaled_dot_product_attention(query, query, query))

    assert any(values.shape[-2:] == (3, 3) and np.allclose(values.sum(-1), 1) for values in recorded)


def test_recorded_tensors_keep_what_they_were_when_they_are_changed_in_place() -> None:
    def compute() -> None:
        values = torch.ones(3, dtype=torch.float64) * 2
        values.add_(1)

    recorded = [values.tolist() for values in torch_tensors(compute)]

    assert [2.0] * 3 in recorded
    assert [3.0] * 3 in recorded
