"""What a node is said to cost, worked out by hand: the steps of its kernel, and what it holds beside its outputs."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from vaeport.graph.reading import read_model
from vaeport.graph.shapes.call import ELEMENT_STEPS, Call, Known
from vaeport.graph.shapes.table import OPERATORS

FLOAT, HALF, DOUBLE, INT64 = TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE, TensorProto.INT64

Given = tuple[int, ...] | list[int]
"""A shape, or known integers."""


def costs(operator: str, *given: Given, dtype: int = FLOAT, opset: int = 18, **attributes: Any) -> tuple[int, int]:
    """Steps and elements of one node on inputs of these shapes."""
    names = [f"x{index}" for index in range(len(given))]
    node = helper.make_node(operator, names, ["y0"], **attributes)
    infos = [helper.make_tensor_value_info(name, dtype, None) for name in names]
    model = helper.make_model(
        helper.make_graph([node], "g", infos, [onnx.ValueInfoProto(name="y0")]),
        opset_imports=[helper.make_opsetid("", opset)],
        ir_version=8,
    )
    call = Call(read_model(model.SerializeToString()).graph.nodes[0], [known(each, dtype) for each in given], opset)
    OPERATORS[operator].shapes(call)
    return call.work, call.workspace


def known(given: Given, dtype: int) -> Known | None:
    if isinstance(given, list):
        value: np.ndarray = np.array(given, np.int64)
        return Known(INT64, value.shape, value=value, constant=True)
    return Known(dtype, given)


CASES: Sequence[tuple[str, tuple[Given, ...], dict[str, Any], int, int]] = [
    ("Relu", ((2, 3),), {}, 0, 0),
    ("Sigmoid", ((2, 3),), {}, 32 * 6, 0),
    ("Sin", ((2, 3),), {}, 128 * 6, 0),
    ("Tan", ((2, 3),), {}, 640 * 6, 0),
    ("Add", ((2, 1), (3,)), {}, 0, 0),
    ("Pow", ((2, 1), (3,)), {}, 640 * 6, 0),
    ("Sum", ((2, 1), (3,), (1,)), {}, 8 * 3 * 6, 0),
    ("Softmax", ((2, 3),), {}, 48 * 6, 0),
    ("BatchNormalization", ((2, 3, 4), (3,), (3,), (3,), (3,)), {}, 0, 0),
    ("LayerNormalization", ((2, 3), (3,)), {}, 48 * 6, 0),
    ("ReduceMean", ((2, 3),), {}, 48 * 6, 0),
    ("Gemm", ((2, 3), (3, 5)), {}, 30, 0),
    ("Gemm", ((3, 2), (5, 3)), {"transA": 1, "transB": 1}, 30, 0),
    ("Gemm", ((2, 3), (3, 5)), {"dtype": HALF}, 60, 0),
    ("Gemm", ((2, 3), (3, 5)), {"dtype": DOUBLE}, 60, 0),
    ("Gemm", ((2, 3), (3, 5)), {"dtype": INT64}, 240, 0),
    ("MatMul", ((7, 2, 3), (3, 5)), {}, 7 * 30, 0),
    ("MatMul", ((3,), (4, 3, 5)), {}, 4 * 15, 0),
    ("MatMul", ((2, 3), (3,)), {}, 6, 0),
    ("Einsum", ((2, 3), (3, 5)), {"equation": "ij,jk->ik"}, 4 * 30, 2 * (6 + 15)),
    ("Einsum", ((7, 2, 3), (7, 3, 5)), {"equation": "...ij,...jk->...ik"}, 4 * 30 * 7, 2 * (42 + 105)),
    ("Det", ((2, 3, 3),), {}, 8 * 18 * 3, 0),
    ("Conv", ((1, 3, 5, 5), (2, 3, 3, 3)), {}, 2 * 9 * 27 * 4, 27 * 9),
    ("Conv", ((1, 3, 5, 5), (16, 3, 3, 3)), {}, 16 * 9 * 27, 27 * 9),
    ("Conv", ((1, 4, 5, 5), (4, 2, 3, 3)), {"group": 2}, 4 * 9 * 18 * 4, 18 * 2 * 9),
    ("Conv", ((1, 3, 5), (2, 3, 3)), {}, 2 * 3 * 9 * 4, 9 * 3),
    ("Conv", ((1, 512, 64, 64), (16, 512, 1, 1)), {}, 16 * 4096 * 512, 2**18),
    ("Conv", ((1, 512, 64, 64), (16, 512, 1, 1)), {"dtype": HALF}, 16 * 4096 * 512 * 2, 512 * 4096),
    ("ConvTranspose", ((1, 3, 4, 4), (3, 2, 3, 3)), {}, 4 * 48 * 18, 18 * 16),
    ("ConvTranspose", ((1, 4, 4, 4), (4, 2, 3, 3)), {"group": 2}, 4 * 64 * 18, 18 * 2 * 16),
    ("MaxPool", ((1, 2, 4, 4),), {"kernel_shape": [2, 2]}, 18 * 4 * 40, 0),
    ("LpPool", ((1, 2, 4, 4),), {"kernel_shape": [2, 2]}, 18 * 4 * 200, 0),
    ("GlobalAveragePool", ((1, 2, 4, 4),), {}, 32 * 40, 0),
    ("GlobalLpPool", ((1, 2, 4, 4),), {}, 32 * 200, 0),
    ("LRN", ((1, 3, 4, 5),), {"size": 5}, 640 * 60 + 8 * 5 * 20, (3 + 5) * 20),
    ("Col2Im", ((1, 4, 9), [4, 4], [2, 2]), {}, 40 * 36, 0),
    ("LSTM", ((7, 2, 3), (1, 20, 3), (1, 20, 5)), {"hidden_size": 5}, 2 * 7 * 2 * 4 * 5 * 8, 2 * 7 * 2 * 4 * 5),
    (
        "GRU",
        ((2, 7, 3), (1, 15, 3), (1, 15, 5)),
        {"hidden_size": 5, "layout": 1},
        2 * 7 * 2 * 3 * 5 * 8,
        2 * 7 * 2 * 15,
    ),
    (
        "RNN",
        ((7, 2, 3), (2, 5, 3), (2, 5, 5)),
        {"hidden_size": 5, "direction": "bidirectional"},
        2 * 7 * 2 * 2 * 5 * 8,
        2 * 7 * 2 * 2 * 5,
    ),
    ("TopK", ((2, 9), [3]), {}, 320 * 18, 0),
    ("ArgMax", ((2, 9),), {}, 48 * 18, 0),
    ("CumSum", ((2, 9), [1]), {}, 64 * 18, 0),
    ("GridSample", ((1, 2, 4, 4), (1, 3, 5, 2)), {}, 30 * 256, 0),
    ("GridSample", ((1, 2, 4, 4), (1, 3, 5, 2)), {"mode": "bicubic"}, 30 * 2048, 0),
]


@pytest.mark.parametrize(
    ("operator", "given", "more", "work", "workspace"), CASES, ids=[f"{i} {case[0]}" for i, case in enumerate(CASES)]
)
def test_node_costs_what_it_does(
    operator: str, given: tuple[Given, ...], more: dict[str, Any], work: int, workspace: int
) -> None:
    assert costs(operator, *given, **more) == (work, workspace)


def test_writing_an_element_costs_eight_steps() -> None:
    assert ELEMENT_STEPS == 8
