"""Gathering, resampling, quantising and recurrent nodes: answers, costs and refusals on both sides of each bound."""

from typing import Any

import numpy as np
import pytest
from onnx import helper

from tests.runtime.graph.single import FLOAT, INT8, INT32, INT64, UINT8, Given, called, floats, ints, unknown
from vaeport.errors import BundleError

ANSWERS: list[tuple[str, tuple[Given, ...], dict[str, Any], tuple[tuple[int, ...], ...]]] = [
    ("Gather", ((4, 5), ints(3, -4)), {}, ((2, 5),)),
    ("GatherElements", ((4, 5), unknown(INT64, 9, 5)), {}, ((9, 5),)),
    ("GatherElements", ((4, 5), unknown(INT32, 4, 9)), {"axis": -1}, ((4, 9),)),
    ("GatherND", ((4, 5, 6), ints(3, 4).reshape(1, 2)), {}, ((1, 6),)),
    ("GatherND", ((4, 5, 6), unknown(INT64, 4, 2, 1)), {"batch_dims": 1}, ((4, 2, 6),)),
    ("ScatterElements", ((4, 5), unknown(INT64, 2, 5), (2, 5)), {}, ((4, 5),)),
    ("ScatterElements", ((4, 5), unknown(INT64, 9, 5), (9, 5)), {}, ((4, 5),)),
    ("ScatterND", ((4, 5), ints(3).reshape(1, 1), (1, 5)), {}, ((4, 5),)),
    ("ScatterND", ((4, 5), ints(3, 4).reshape(1, 2), (1,)), {}, ((4, 5),)),
    ("OneHot", (unknown(INT64, 3), ints(7), (2,)), {}, ((3, 7),)),
    ("OneHot", (unknown(INT64, 3), ints(1), (2,)), {"axis": 0}, ((1, 3),)),
    ("TopK", ((4, 5), ints(5)), {}, ((4, 5), (4, 5))),
    ("TopK", ((4, 5), ints(0)), {"axis": 0}, ((0, 5), (0, 5))),
    ("ArgMax", ((4, 5),), {}, ((1, 5),)),
    ("ArgMin", ((4, 5),), {"axis": 1, "keepdims": 0}, ((4,),)),
    ("CumSum", ((4, 5), ints(-2)), {}, ((4, 5),)),
    ("Resize", ((1, 2, 4, 4), None, floats(1, 1, 2, 1.5)), {}, ((1, 2, 8, 6),)),
    ("Resize", ((1, 2, 4, 4), None, None, ints(1, 2, 3, 9)), {}, ((1, 2, 3, 9),)),
    ("Resize", ((1, 2, 4, 4), None, None, ints(3, 9)), {"axes": [2, 3]}, ((1, 2, 3, 9),)),
    ("Resize", ((4, 4), floats(2, 0.5)), {"opset": 10}, ((8, 2),)),
    (
        "Resize",
        ((4, 8), None, None, ints(2, 8)),
        {"keep_aspect_ratio_policy": "not_larger"},
        ((2, 4),),
    ),
    (
        "Resize",
        ((4, 8), None, None, ints(2, 8)),
        {"keep_aspect_ratio_policy": "not_smaller"},
        ((4, 8),),
    ),
    (
        "Resize",
        ((4, 4), floats(0, 0, 1, 1), None, ints(2, 2)),
        {"coordinate_transformation_mode": "tf_crop_and_resize"},
        ((2, 2),),
    ),
    ("Upsample", ((2, 3), floats(2, 3)), {"opset": 9}, ((4, 9),)),
    ("Upsample", ((2, 3),), {"opset": 7, "scales": [1.0, 2.0]}, ((2, 6),)),
    ("GridSample", ((2, 3, 8, 9), (2, 5, 6, 2)), {}, ((2, 3, 5, 6),)),
    ("GridSample", ((2, 3, 8), (2, 5, 1)), {}, ((2, 3, 5),)),
    ("AffineGrid", ((2, 2, 3), ints(2, 1, 4, 5)), {"opset": 20}, ((2, 4, 5, 2),)),
    ("AffineGrid", ((1, 3, 4), ints(1, 1, 2, 4, 5)), {"opset": 20}, ((1, 2, 4, 5, 3),)),
    ("QuantizeLinear", ((2, 3), floats(1), np.zeros(1, np.uint8)), {}, ((2, 3),)),
    ("QuantizeLinear", ((2, 3), floats(1, 1, 1)), {}, ((2, 3),)),
    ("QuantizeLinear", ((2, 3), floats(1, 1)), {"axis": 0}, ((2, 3),)),
    ("QuantizeLinear", ((2, 3), (2, 2)), {"axis": 1, "block_size": 2, "opset": 21}, ((2, 3),)),
    ("DequantizeLinear", (unknown(INT8, 2, 3), floats(1)), {}, ((2, 3),)),
    ("DynamicQuantizeLinear", ((2, 3),), {}, ((2, 3), (), ())),
    ("RNN", ((4, 2, 3), (1, 5, 3), (1, 5, 5)), {"hidden_size": 5}, ((4, 1, 2, 5), (1, 2, 5), (1, 2, 5))),
    (
        "LSTM",
        ((4, 2, 3), (2, 20, 3), (2, 20, 5)),
        {"hidden_size": 5, "direction": "bidirectional"},
        ((4, 2, 2, 5), (2, 2, 5), (2, 2, 5)),
    ),
    (
        "GRU",
        ((2, 4, 3), (1, 15, 3), (1, 15, 5), (1, 30), np.array([4, 0], np.int32), (2, 1, 5)),
        {"hidden_size": 5, "layout": 1},
        ((2, 4, 1, 5), (2, 1, 5), (2, 1, 5)),
    ),
    ("Flatten", ((2, 3, 4),), {"axis": -1}, ((6, 4),)),
    ("Flatten", ((2, 3, 4),), {"axis": 3}, ((24, 1),)),
    ("Flatten", ((2, 3, 4),), {"axis": 0}, ((1, 24),)),
    ("Squeeze", ((1, 2, 1, 3),), {}, ((2, 3),)),
    ("Squeeze", ((1, 2, 1), ints(-1)), {}, ((1, 2),)),
    ("Unsqueeze", ((2, 3), ints(0, -1)), {}, ((1, 2, 3, 1),)),
    ("ConstantOfShape", (ints(2, 3),), {}, ((2, 3),)),
    ("Shape", ((2, 3, 4),), {"start": 1, "end": -1}, ((1,),)),
    ("Reshape", ((2, 3, 4), ints(0, -1)), {}, ((2, 12),)),
]
"""Operator, inputs, attributes, and the shape of each output."""


REFUSED: list[tuple[str, tuple[Given, ...], dict[str, Any], str]] = [
    ("Gather", ((), unknown(INT64, 1)), {}, "gathers from a tensor without axes"),
    ("Gather", ((4, 5), (1,)), {}, "takes integers as indices, but has float"),
    ("Gather", ((4, 5), ints(4)), {}, "an index outside an axis of 4"),
    ("Gather", ((4, 5), ints(-5)), {}, "an index outside an axis of 4"),
    ("Gather", ((0, 5), unknown(INT64, 1)), {}, "takes from an axis of size 0"),
    ("GatherElements", ((4, 5), unknown(INT64, 4, 6)), {}, "indices of the shape [4, 6] into [4, 5]"),
    ("GatherElements", ((4, 5), unknown(INT64, 4)), {}, "indices of the shape [4] into [4, 5]"),
    ("GatherElements", ((4, 5), ints(4).reshape(1, 1)), {}, "an index outside an axis of 4"),
    ("GatherND", ((4, 5), ints(4).reshape(1, 1)), {}, "an index outside the shape [4]"),
    ("GatherND", ((4, 5), ints(0, -6).reshape(1, 2)), {}, "an index outside the shape [4, 5]"),
    ("GatherND", ((4, 5), unknown(INT64, 1, 3)), {}, "tuples of 3 indices"),
    ("GatherND", ((4, 5), unknown(INT64, 1, 0)), {}, "tuples of 0 indices"),
    ("GatherND", ((4, 5), unknown(INT64, 3, 1)), {"batch_dims": 1}, "1 batch axes"),
    ("GatherND", ((4, 5), unknown(INT64, 4, 1)), {"batch_dims": -1}, "-1 batch axes"),
    ("GatherND", ((0, 5), unknown(INT64, 2, 1)), {}, "takes from an axis of size 0"),
    ("ScatterElements", ((4, 5), unknown(INT64, 2, 5), (2, 4)), {}, "updates of [2, 4]"),
    ("ScatterElements", ((4, 5), unknown(INT64, 4, 6), (4, 6)), {}, "indices of the shape [4, 6]"),
    ("ScatterElements", ((4, 5), ints(9).reshape(1, 1), (1, 1)), {}, "an index outside an axis of 4"),
    ("ScatterND", ((4, 5), ints(4).reshape(1, 1), (1, 5)), {}, "an index outside the shape [4]"),
    ("ScatterND", ((4, 5), ints(3).reshape(1, 1), (1, 4)), {}, "updates of the shape [1, 4]"),
    ("ScatterND", ((4, 5), unknown(INT64), (5,)), {}, "tuples of 0 indices"),
    ("ScatterND", ((4, 5), unknown(INT64, 1, 3), (1,)), {}, "tuples of 3 indices"),
    ("OneHot", (unknown(INT64, 3), ints(7), (3,)), {}, "takes two values, but has the shape [3]"),
    ("OneHot", (unknown(INT64, 3), ints(0), (2,)), {}, "has the depth 0"),
    ("OneHot", (unknown(INT64, 3), ints(1, 2), (2,)), {}, "not one known number"),
    ("OneHot", (unknown(INT64, 3), floats(np.inf), (2,)), {}, "not one known number"),
    ("TopK", ((4, 5), ints(6)), {}, "takes the 6 largest of 5"),
    ("TopK", ((4, 5), ints(-1)), {}, "takes the -1 largest of 5"),
    ("ArgMax", ((0, 5),), {}, "looks for the largest of nothing"),
    ("CumSum", ((4, 5), ints(2)), {}, "the axis 2"),
    ("CumSum", ((4, 5), ints(0, 1)), {}, "takes one integer as input 1, but has 2"),
    ("Resize", ((4, 4), None, floats(1)), {}, "has 1 scales for 2 axes"),
    ("Resize", ((4, 4), None, floats(1, 0)), {}, "has the scale 0.0"),
    ("Resize", ((4, 4), None, floats(1, 2.0**31)), {}, "has the scale 2147483648.0"),
    ("Resize", ((4, 4), None, floats(1, np.nan)), {}, "has the scale nan"),
    ("Resize", ((4, 4), None, ints(1, 1)), {}, "takes floats as scales, but has int64"),
    ("Resize", ((4, 4), None, (2,)), {}, "not known before it runs"),
    ("Resize", ((4, 4), None, None, ints(3)), {}, "has 1 sizes for 2 axes"),
    ("Resize", ((0, 4), None, None, ints(3, 4)), {}, "which is empty"),
    ("Resize", ((4, 4), None, floats(1, 0.1)), {}, "which is empty"),
    ("Resize", ((4, 4), None, floats(1, 1)), {"mode": "spline"}, "has the mode 'spline'"),
    ("Resize", ((4, 4), None, None, ints(3, 3)), {"axes": [0, 0]}, "an axis twice"),
    (
        "Resize",
        ((4, 4), None, None, ints(3, 3)),
        {"keep_aspect_ratio_policy": "smaller"},
        "has the policy 'smaller'",
    ),
    (
        "Resize",
        ((4, 4), floats(0, 1), None, ints(3, 3)),
        {"coordinate_transformation_mode": "tf_crop_and_resize"},
        "crops a region",
    ),
    (
        "Resize",
        ((4, 4), (4,), None, ints(3, 3)),
        {"coordinate_transformation_mode": "tf_crop_and_resize"},
        "crops a region",
    ),
    ("Upsample", ((2, 3),), {"opset": 7}, "has 0 scales for 2 axes"),
    ("Upsample", ((2, 3), floats(1, 1)), {"opset": 9, "mode": "spline"}, "has the mode 'spline'"),
    ("GridSample", ((2, 3, 8, 9), (1, 5, 6, 2)), {}, "has a grid of the shape [1, 5, 6, 2]"),
    ("GridSample", ((2, 3, 8, 9), (2, 5, 6, 3)), {}, "has a grid"),
    ("GridSample", ((2, 3, 0, 9), (2, 5, 6, 2)), {}, "has a grid"),
    ("GridSample", ((2, 3), (2, 3)), {}, "takes at least 3 axes"),
    ("AffineGrid", ((2, 2, 3), ints(1, 1, 4, 5)), {"opset": 20}, "has maps of the shape [2, 2, 3]"),
    ("AffineGrid", ((2, 2, 2), ints(2, 1, 4, 5)), {"opset": 20}, "has maps"),
    ("AffineGrid", ((2, 2, 3), ints(2, 1, 0, 5)), {"opset": 20}, "has maps"),
    ("AffineGrid", ((2, 1, 2), ints(2, 1, 4)), {"opset": 20}, "has maps"),
    ("QuantizeLinear", ((2, 3), floats(1, 1)), {}, "does not fit [2, 3] along axis 1"),
    ("QuantizeLinear", ((2, 3), floats(1, 1, 1), np.zeros(2, np.uint8)), {}, "but a zero point of [2]"),
    ("QuantizeLinear", ((2, 3), floats(1), np.zeros(1, np.float32)), {}, "makes float, which is not allowed"),
    ("QuantizeLinear", ((2, 3), (2, 1)), {"axis": 1, "block_size": 2, "opset": 21}, "does not fit"),
    ("QuantizeLinear", ((2, 3), (1, 2)), {"axis": 1, "block_size": 2, "opset": 21}, "does not fit"),
    ("QuantizeLinear", ((2, 3), (2, 2)), {"axis": 1, "block_size": -2, "opset": 21}, "does not fit"),
    ("DequantizeLinear", ((2, 3), floats(1)), {}, "takes float, which is not allowed"),
    ("DequantizeLinear", (unknown(INT8, 2, 3), floats(1), np.zeros(1, np.uint8)), {}, "of another type"),
    ("RNN", ((4, 2, 3), (1, 5, 3), (1, 5, 5)), {"hidden_size": 0}, "a hidden size of 0"),
    ("RNN", ((4, 2, 3), (1, 5, 3), (1, 5, 5)), {"hidden_size": 2**20 + 1}, "a hidden size of 1048577"),
    ("RNN", ((4, 2, 3), (1, 5, 3), (1, 5, 5)), {"hidden_size": 5, "direction": "up"}, "the direction 'up'"),
    ("RNN", ((4, 2, 3), (1, 5, 4), (1, 5, 5)), {"hidden_size": 5}, "has input 1 of the shape [1, 5, 4]"),
    ("RNN", ((4, 2, 3), (1, 5, 3), (1, 5, 4)), {"hidden_size": 5}, "has input 2"),
    ("RNN", ((4, 2, 3), (1, 5, 3), (1, 5, 5), (1, 5)), {"hidden_size": 5}, "has input 3"),
    ("RNN", ((4, 2, 3), (1, 5, 3), None), {"hidden_size": 5}, "has no input 2"),
    (
        "RNN",
        ((4, 2, 3), (1, 5, 3), (1, 5, 5), None, unknown(INT32, 3)),
        {"hidden_size": 5},
        "has input 4",
    ),
    (
        "RNN",
        ((4, 2, 3), (1, 5, 3), (1, 5, 5), None, np.array([5, 1], np.int32)),
        {"hidden_size": 5},
        "longer than its 4 steps",
    ),
    (
        "LSTM",
        ((4, 2, 3), (1, 20, 3), (1, 20, 5), None, None, (1, 2, 5), (1, 2, 4)),
        {"hidden_size": 5},
        "has input 6",
    ),
    (
        "LSTM",
        ((4, 2, 3), (1, 20, 3), (1, 20, 5), None, None, None, None, (1, 14)),
        {"hidden_size": 5},
        "has input 7",
    ),
    (
        "GRU",
        ((4, 2, 3), (1, 15, 3), (1, 15, 5)),
        {"hidden_size": 5, "activations": ["Tanh"]},
        "a wrong number of activations",
    ),
    ("Flatten", ((2, 3),), {"axis": 3}, "the axis 3"),
    ("Flatten", ((2, 3),), {"axis": -3}, "the axis -3"),
    ("Squeeze", ((1, 2), ints(1)), {}, "leaves out axis 1"),
    ("Unsqueeze", ((2, 3),), {}, "does not say which axes"),
    (
        "ConstantOfShape",
        (ints(2),),
        {"value": helper.make_tensor("v", FLOAT, [2], [1.0, 2.0])},
        "has a value of 2 elements",
    ),
]
"""Operator, inputs, attributes, and what is said."""


COSTS: list[tuple[str, tuple[Given, ...], dict[str, Any], int, int]] = [
    ("ScatterND", ((4, 5), ints(3).reshape(1, 1), (1, 5)), {}, 32 * 5, 0),
    ("ScatterElements", ((4, 5), unknown(INT64, 2, 5), (2, 5)), {}, 64 * 10, 0),
    ("GatherElements", ((4, 5), unknown(INT64, 9, 5)), {}, 64 * 45, 0),
    ("TopK", ((4, 5), ints(1)), {}, 320 * 20, 0),
    ("ArgMax", ((4, 5),), {}, 48 * 20, 0),
    ("CumSum", ((4, 5), ints(0)), {}, 64 * 20, 0),
    ("GridSample", ((2, 3, 8, 9), (2, 5, 6, 2)), {}, 256 * 180, 0),
    ("GridSample", ((2, 3, 8, 9), (2, 5, 6, 2)), {"mode": "bicubic"}, 2048 * 180, 0),
    ("GridSample", ((2, 3, 7, 8, 9), (2, 4, 5, 6, 3)), {}, 2 * 256 * 720, 0),
    ("AffineGrid", ((2, 2, 3), ints(2, 1, 4, 5)), {"opset": 20}, 32 * 80 * 3, 160),
    ("Resize", ((4, 4), None, None, ints(8, 4)), {"mode": "nearest"}, 90 * 32, 96),
    ("Resize", ((4, 4), None, None, ints(8, 8)), {"mode": "linear"}, 4 * 90 * 64, 128),
    ("Resize", ((4, 4), None, None, ints(8, 8)), {"mode": "cubic"}, 16 * 90 * 64, 128),
    ("Resize", ((4, 4), None, None, ints(2, 4)), {"mode": "linear", "antialias": 1}, 2 * 2 * 90 * 8, 24),
    ("RNN", ((4, 2, 3), (1, 5, 3), (1, 5, 5)), {"hidden_size": 5}, 2 * 4 * 2 * 5 * 8, 2 * 4 * 2 * 5),
    (
        "LSTM",
        ((4, 2, 3), (2, 20, 3), (2, 20, 5)),
        {"hidden_size": 5, "direction": "bidirectional"},
        2 * 4 * 2 * 2 * 4 * 5 * 8,
        2 * 4 * 2 * 2 * 4 * 5,
    ),
    ("Transpose", ((2, 3),), {}, 32 * 6, 0),
]
"""Operator, inputs, attributes, steps, and elements beside the outputs."""


@pytest.mark.parametrize(("operator", "given", "attributes", "shapes"), ANSWERS)
def test_answer_has_the_shape_that_the_standard_says(
    operator: str, given: tuple[Given, ...], attributes: dict[str, Any], shapes: tuple[tuple[int, ...], ...]
) -> None:
    _, answers = called(operator, given, attributes)

    assert tuple(answer.shape for answer in answers if answer) == shapes


@pytest.mark.parametrize(("operator", "given", "attributes", "said"), REFUSED)
def test_node_that_reads_outside_or_has_no_answer_is_refused(
    operator: str, given: tuple[Given, ...], attributes: dict[str, Any], said: str
) -> None:
    with pytest.raises(BundleError) as caught:
        called(operator, given, attributes)

    assert str(caught.value).startswith(f"the node 'n' ({operator}) ")
    assert said in str(caught.value)


@pytest.mark.parametrize(("operator", "given", "attributes", "work", "workspace"), COSTS)
def test_cost_of_a_node_is_what_its_kernel_does(
    operator: str, given: tuple[Given, ...], attributes: dict[str, Any], work: int, workspace: int
) -> None:
    call, _ = called(operator, given, attributes)

    assert (call.work, call.workspace) == (work, workspace)


@pytest.mark.parametrize(
    ("operator", "given", "dtypes"),
    [
        ("QuantizeLinear", ((2, 3), floats(1)), [UINT8]),
        ("QuantizeLinear", ((2, 3), floats(1), np.zeros(1, np.int8)), [INT8]),
        ("DequantizeLinear", (unknown(UINT8, 2, 3), floats(1), np.zeros(1, np.uint8)), [FLOAT]),
        ("DynamicQuantizeLinear", ((2, 3),), [UINT8, FLOAT, UINT8]),
        ("TopK", ((4, 5), ints(1)), [FLOAT, INT64]),
        ("ArgMax", ((4, 5),), [INT64]),
        ("OneHot", (unknown(INT64, 3), ints(7), (2,)), [FLOAT]),
        ("Shape", ((2, 3),), [INT64]),
        ("ConstantOfShape", (ints(2),), [FLOAT]),
    ],
)
def test_answer_has_the_type_that_the_standard_says(operator: str, given: tuple[Given, ...], dtypes: list[int]) -> None:
    _, answers = called(operator, given, {})

    assert [answer.dtype for answer in answers if answer] == dtypes
