"""Nodes one step inside what they may be and one step outside."""

from typing import Any

import onnx
import pytest
from onnx import TensorProto, helper

from tests.runtime.graph.test_costs import Given, known
from vaeport.errors import BundleError
from vaeport.graph.reading import read_model
from vaeport.graph.shapes.call import Call, Known
from vaeport.graph.shapes.table import OPERATORS

FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64


def call_of(operator: str, *given: Given | None, opset: int = 18, **attributes: Any) -> Call:
    """A node on inputs of these shapes or integers; None where an input is left out."""
    names = ["" if each is None else f"x{index}" for index, each in enumerate(given)]
    node = helper.make_node(operator, names, ["y0"], **attributes)
    infos = [helper.make_tensor_value_info(name, FLOAT, None) for name in names if name]
    model = helper.make_model(
        helper.make_graph([node], "g", infos, [onnx.ValueInfoProto(name="y0")]),
        opset_imports=[helper.make_opsetid("", opset)],
        ir_version=8,
    )
    inputs = [None if each is None else known(each, FLOAT) for each in given]
    return Call(read_model(model.SerializeToString()).graph.nodes[0], inputs, opset)


def shape_of(operator: str, *given: Given | None, **more: Any) -> tuple[int, ...]:
    """Shape of the first output."""
    answers = OPERATORS[operator].shapes(call_of(operator, *given, **more))
    first = answers if isinstance(answers, Known) else answers[0]
    assert first is not None
    return first.shape


INSIDE: list[tuple[str, tuple[Given | None, ...], dict[str, Any], tuple[int, ...]]] = [
    ("Pad", ((5,), [2, 3]), {}, (10,)),
    ("Pad", ((5,), [-2, -3]), {}, (0,)),
    ("Pad", ((5,), [-5, 0]), {}, (0,)),
    ("Pad", ((5,), [-5, 7]), {}, (7,)),
    ("Pad", ((5,), [4, 4]), {"mode": "reflect"}, (13,)),
    ("Pad", ((5,), [5, 5]), {"mode": "wrap"}, (15,)),
    ("Pad", ((5,), [50, 0]), {"mode": "edge"}, (55,)),
    ("Pad", ((5, 6), [1, 2], None, [1]), {}, (5, 9)),
    ("GatherND", ((3, 4), [-3]), {}, (4,)),
    ("GatherND", ((3, 4), [2]), {}, (4,)),
    ("GatherND", ((3, 4), [2, -4]), {}, ()),
    ("MatMul", ((2, 3), (3, 5)), {}, (2, 5)),
    ("MatMul", ((3,), (3,)), {}, ()),
    ("MatMul", ((3,), (4, 3, 5)), {}, (4, 5)),
    ("MatMul", ((4, 2, 3), (3,)), {}, (4, 2)),
    ("MatMulInteger", ((2, 3), (3, 5), (1,), (5,)), {}, (2, 5)),
    ("MatMulInteger", ((2, 3), (3, 5), (), (1,)), {}, (2, 5)),
    ("Gemm", ((2, 3), (3, 5), (5,)), {}, (2, 5)),
    ("Gemm", ((2, 3), (3, 5), (2, 1)), {}, (2, 5)),
    ("LRN", ((1, 2, 3),), {"size": 1}, (1, 2, 3)),
    ("Range", ([2], [9], [3]), {}, (3,)),
    ("Range", ([2], [8], [3]), {}, (2,)),
    ("Range", ([2], [2], [3]), {}, (0,)),
    ("Range", ([9], [2], [-3]), {}, (3,)),
    ("Conv", ((1, 4, 5, 5), (6, 2, 3, 3), (6,)), {"group": 2}, (1, 6, 3, 3)),
    ("Conv", ((1, 1, 5), (1, 1, 3)), {"dilations": [2]}, (1, 1, 1)),
    ("MaxPool", ((1, 1, 5),), {"kernel_shape": [2], "strides": [2]}, (1, 1, 2)),
    ("MaxPool", ((1, 1, 5),), {"kernel_shape": [2], "strides": [2], "ceil_mode": 1}, (1, 1, 3)),
    ("MaxPool", ((1, 1, 5),), {"kernel_shape": [3], "pads": [2, 2]}, (1, 1, 7)),
    ("GlobalMaxPool", ((2, 3, 4, 5),), {}, (2, 3, 1, 1)),
    ("LSTM", ((7, 2, 3), (1, 20, 3), (1, 20, 5), (1, 40), [7, 1]), {"hidden_size": 5}, (7, 1, 2, 5)),
    ("RNN", ((2, 7, 3), (1, 5, 3), (1, 5, 5)), {"hidden_size": 5, "layout": 1}, (2, 7, 1, 5)),
    ("Softmax", ((),), {}, ()),
    ("Softmax", ((2,),), {"axis": -1}, (2,)),
    ("Einsum", ((2, 3), (3, 5)), {"equation": "ij,jk"}, (2, 5)),
    ("Einsum", ((2, 3),), {"equation": "ij->"}, ()),
    ("Einsum", ((3, 3),), {"equation": "ii->i"}, (3,)),
    ("Det", ((4, 3, 3),), {}, (4,)),
]

OUTSIDE: list[tuple[str, tuple[Given | None, ...], dict[str, Any], str]] = [
    ("Pad", ((5,), [-6, 9]), {}, "cuts -6 and 9 from an axis of 5"),
    ("Pad", ((5,), [9, -6]), {}, "cuts 9 and -6 from an axis of 5"),
    ("Pad", ((5,), [-3, -3]), {}, "cuts -3 and -3 from an axis of 5"),
    ("Pad", ((5,), [-1, 0]), {"mode": "edge"}, "cuts -1 and 0"),
    ("Pad", ((5,), [0, 5]), {"mode": "reflect"}, "grows an axis of 5 by 5"),
    ("Pad", ((5,), [6, 0]), {"mode": "wrap"}, "grows an axis of 5 by 6"),
    ("Pad", ((0,), [1, 0]), {"mode": "edge"}, "grows an axis of 0 by 1"),
    ("Pad", ((5,), [1, 0, 0]), {}, "has 3 pads for 1 axes"),
    ("Pad", ((5,), [1, 0], (2,)), {}, "takes one number to fill with"),
    ("GatherND", ((3, 4), [-4]), {}, r"index outside the shape \[3\]"),
    ("GatherND", ((3, 4), [3]), {}, r"index outside the shape \[3\]"),
    ("GatherND", ((3, 4), [0, 4]), {}, r"index outside the shape \[3, 4\]"),
    ("MatMul", ((2, 3), (2, 5)), {}, "which do not fit"),
    ("MatMul", ((4,), (3, 5)), {}, "which do not fit"),
    ("MatMul", ((), (3, 5)), {}, "takes at least 1 axes"),
    ("MatMulInteger", ((2, 3), (3, 5), (2,)), {}, "as input 2, which does not fit"),
    ("MatMulInteger", ((2, 3), (3, 5), (), (3,)), {}, "as input 3, which does not fit"),
    ("MatMulInteger", ((2, 3), (3, 5), (), (5, 1, 5)), {}, "as input 3, which does not fit"),
    ("Gemm", ((2, 3), (4, 5)), {}, "multiplies 2 x 3 by 4 x 5"),
    ("Gemm", ((2, 3), (3, 5), (3,)), {}, r"Gemm|Conv"),
    ("LRN", ((1, 2, 3),), {"size": 2}, "it must be odd and positive"),
    ("LRN", ((1, 2, 3),), {"size": 0}, "it must be odd and positive"),
    ("Range", ([2], [9], [0]), {}, "runs from 2 to 9 by 0"),
    ("Conv", ((1, 4, 5, 5), (6, 2, 3, 3), (5,)), {"group": 2}, "a bias of the shape"),
    ("Conv", ((1, 4, 5, 5), (5, 2, 3, 3)), {"group": 2}, "has 2 groups"),
    ("Conv", ((1, 3, 5, 5), (6, 2, 3, 3)), {"group": 2}, "has 2 groups"),
    ("Conv", ((1, 1, 4), (1, 1, 3)), {"dilations": [2]}, r"Conv"),
    ("MaxPool", ((1, 1, 5),), {"kernel_shape": [3], "pads": [3, 0]}, "not below its kernel"),
    ("MaxPool", ((1, 1, 5),), {}, "has no kernel_shape"),
    ("MaxPool", ((1, 1, 5),), {"kernel_shape": [2], "storage_order": 2}, "storage_order"),
    ("LSTM", ((7, 2, 3), (1, 20, 3), (1, 20, 5), (1, 40), [8, 1]), {"hidden_size": 5}, "longer than its 7 steps"),
    ("LSTM", ((7, 2, 3), (1, 20, 3), (1, 20, 5), (1, 40), [-1, 1]), {"hidden_size": 5}, "longer than its 7 steps"),
    ("LSTM", ((7, 2, 3), (1, 20, 3), (1, 20, 5), (1, 39)), {"hidden_size": 5}, "has input 3 of the shape"),
    ("LSTM", ((7, 2, 3), (1, 20, 3), (1, 20, 4)), {"hidden_size": 5}, "has input 2 of the shape"),
    ("RNN", ((7, 2, 3), (1, 5, 3), (1, 5, 5)), {"hidden_size": 0}, "a hidden size of 0"),
    ("RNN", ((7, 2, 3), (1, 5, 3), (1, 5, 5)), {"hidden_size": 5, "direction": "up"}, "the direction 'up'"),
    ("RNN", ((7, 2, 3), (1, 5, 3), (1, 5, 5)), {"hidden_size": 5, "activations": ["Tanh", "Tanh"]}, "wrong number"),
    ("Softmax", ((2,),), {"axis": 1}, "the axis 1"),
    ("Einsum", ((2, 3), (4, 5)), {"equation": "ij,jk->ik"}, "gives the letter j the sizes 3 and 4"),
    ("Einsum", ((2, 3),), {"equation": "ij,jk->ik"}, "2 terms for 1 inputs"),
    ("Einsum", ((2, 3),), {"equation": "ij->ijj"}, "has the output"),
    ("Einsum", ((2, 3),), {"equation": "ij->k"}, "has the output"),
    ("Einsum", ((2, 3),), {"equation": "i->i"}, "has the term"),
    ("Einsum", ((2, 3),), {"equation": "ijk->i"}, "has the term"),
    ("Det", ((3, 4),), {}, "takes square matrices"),
]


@pytest.mark.parametrize(
    ("operator", "given", "more", "shape"), INSIDE, ids=[f"{i} {case[0]}" for i, case in enumerate(INSIDE)]
)
def test_node_that_fits_has_its_shape(
    operator: str, given: tuple[Given | None, ...], more: dict[str, Any], shape: tuple[int, ...]
) -> None:
    assert shape_of(operator, *given, **more) == shape


@pytest.mark.parametrize(
    ("operator", "given", "more", "says"), OUTSIDE, ids=[f"{i} {case[0]}" for i, case in enumerate(OUTSIDE)]
)
def test_node_that_does_not_fit_is_refused(
    operator: str, given: tuple[Given | None, ...], more: dict[str, Any], says: str
) -> None:
    with pytest.raises(BundleError, match=says):
        shape_of(operator, *given, **more)


@pytest.mark.parametrize(("pads", "asked"), [([0, 0], ()), ([1, 2], ()), ([-1, 0], (5,)), ([0, -1], (5,))])
def test_cutting_asks_for_the_size_of_its_axis(pads: list[int], asked: tuple[int, ...]) -> None:
    call = call_of("Pad", (5,), pads)
    OPERATORS["Pad"].shapes(call)

    assert call.asked == asked
