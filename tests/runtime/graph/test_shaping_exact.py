"""Nodes that reshape, cut, join and compute by element: answers, values and refusals on both sides of each bound."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper

from tests.runtime.graph.single import FLOAT, INT32, INT64, UINT8, Given, called, floats, ints, unknown
from vaeport.errors import BundleError
from vaeport.graph.limits import MAX_KNOWN_VALUES

BOOL, INT16 = TensorProto.BOOL, TensorProto.INT16


def bools(*values: bool) -> NDArray[np.bool_]:
    return np.array(values)


ANSWERS: list[tuple[str, tuple[Given, ...], dict[str, Any], tuple[tuple[int, ...], ...]]] = [
    ("Transpose", ((2, 3, 4),), {"perm": [1, 2, 0]}, ((3, 4, 2),)),
    ("Transpose", ((2, 3),), {}, ((3, 2),)),
    ("Concat", ((2, 3), (4, 3), (0, 3)), {"axis": 0}, ((6, 3),)),
    ("Concat", ((2, 3), (2, 1)), {"axis": -1}, ((2, 4),)),
    ("Split", ((7, 2),), {"outputs": 3, "num_outputs": 3}, ((3, 2), (3, 2), (1, 2))),
    ("Split", ((6, 2),), {"outputs": 3, "opset": 13}, ((2, 2), (2, 2), (2, 2))),
    ("Split", ((7, 2), ints(0, 7)), {"outputs": 2}, ((0, 2), (7, 2))),
    ("Split", ((2, 7),), {"outputs": 2, "split": [3, 4], "axis": 1, "opset": 11}, ((2, 3), (2, 4))),
    ("Slice", ((5, 6), ints(1), ints(-1)), {}, ((3, 6),)),
    ("Slice", ((5, 6), ints(-1, 5), ints(-9, 0), ints(0, 1), ints(-2, -1)), {}, ((3, 5),)),
    ("Slice", ((5, 6),), {"starts": [1, 2], "ends": [3, 99], "opset": 9}, ((2, 4),)),
    ("Slice", ((5, 6),), {"starts": [2], "ends": [99], "axes": [1], "opset": 9}, ((5, 4),)),
    ("Expand", ((3, 1), ints(2, 1, 4)), {}, ((2, 3, 4),)),
    ("Expand", ((3, 4), ints(1)), {}, ((3, 4),)),
    ("Tile", ((2, 3), ints(2, 0)), {}, ((4, 0),)),
    ("Pad", ((2, 3), ints(1, 0, 2, -1)), {}, ((5, 2),)),
    ("Pad", ((2, 3), ints(4, 5), None, ints(-1)), {}, ((2, 12),)),
    ("Pad", ((2, 3), ints(1, 2, 1, 2)), {"mode": "reflect"}, ((4, 7),)),
    ("Pad", ((2, 3), ints(2, 3, 0, 3)), {"mode": "wrap"}, ((4, 9),)),
    ("Pad", ((2, 3), ints(9, 9, 9, 9)), {"mode": "edge"}, ((20, 21),)),
    ("Pad", ((2, 3),), {"pads": [0, 1, 0, 1], "opset": 10}, ((2, 5),)),
    ("Range", (ints(2), ints(11), ints(3)), {}, ((3,),)),
    ("Range", (ints(2), ints(2), ints(3)), {}, ((0,),)),
    ("Range", (floats(0), floats(1), floats(0.25)), {}, ((4,),)),
    ("Range", (ints(5), ints(0), ints(-2)), {}, ((3,),)),
    ("Trilu", ((2, 3, 3), ints(-1)), {}, ((2, 3, 3),)),
    ("EyeLike", ((2, 3),), {"k": 1}, ((2, 3),)),
    ("DepthToSpace", ((2, 8, 3, 4),), {"blocksize": 2}, ((2, 2, 6, 8),)),
    ("SpaceToDepth", ((2, 2, 6, 8),), {"blocksize": 2}, ((2, 8, 3, 4),)),
    ("ReverseSequence", ((4, 2), ints(4, 0)), {}, ((4, 2),)),
    ("ReverseSequence", ((2, 4), ints(4, 1)), {"batch_axis": 0, "time_axis": 1}, ((2, 4),)),
    ("Reshape", ((2, 3), ints(0, 3)), {}, ((2, 3),)),
    ("Reshape", ((0, 3), ints(0, 5)), {"allowzero": 1}, ((0, 5),)),
    ("Unsqueeze", ((2, 3),), {"axes": [1], "opset": 11}, ((2, 1, 3),)),
    ("Squeeze", ((2, 1, 3),), {"axes": [1], "opset": 11}, ((2, 3),)),
    ("Add", ((2, 1), (1, 3)), {}, ((2, 3),)),
    ("PRelu", ((2, 3, 4), (3, 1)), {}, ((2, 3, 4),)),
    ("Clip", ((2, 3), floats(0), None), {}, ((2, 3),)),
    ("Where", (unknown(BOOL, 3), (2, 1), ()), {}, ((2, 3),)),
    ("Max", ((2, 1), (3,), ()), {}, ((2, 3),)),
    ("Less", ((2, 1), (3,)), {}, ((2, 3),)),
    ("Dropout", ((2, 3),), {"outputs": 2}, ((2, 3), (2, 3))),
    ("Dropout", ((2, 3), floats(0.5), bools(False)), {"outputs": 2}, ((2, 3), (2, 3))),
    ("Div", (unknown(INT64, 3), ints(2)), {}, ((3,),)),
    ("Mod", (unknown(INT64, 3), ints(2)), {"fmod": 1}, ((3,),)),
    ("Div", (ints(-8, 8), ints(-1)), {}, ((2,),)),
]
"""Operator, inputs, attributes, and the shape of each output."""


REFUSED: list[tuple[str, tuple[Given, ...], dict[str, Any], str]] = [
    ("Transpose", ((2, 3),), {"perm": [0, 2]}, "has the order [0, 2], which is none of 2 axes"),
    ("Concat", ((2, 3), (2, 4)), {"axis": 0}, "joins the shapes [2, 3] and [2, 4] along axis 0"),
    ("Concat", ((2, 3), (2,)), {"axis": 0}, "joins the shapes [2, 3] and [2]"),
    ("Concat", ((2, 3),), {}, "does not say along which axis"),
    ("Split", ((),), {}, "splits a tensor without axes"),
    ("Split", ((7, 2),), {"outputs": 3, "num_outputs": 2}, "says that it has 2 parts, but has 3"),
    ("Split", ((7, 2),), {"outputs": 3, "opset": 13}, "splits an axis of 7 into 3 equal parts"),
    ("Split", ((7, 2), ints(3, 3)), {"outputs": 2}, "splits an axis of 7 into the parts [3, 3] for 2 outputs"),
    ("Split", ((7, 2), ints(8, -1)), {"outputs": 2}, "into the parts [8, -1]"),
    ("Split", ((7, 2), ints(7)), {"outputs": 2}, "into the parts [7] for 2 outputs"),
    ("Split", ((2, 2),), {"outputs": 4, "num_outputs": 4}, "into the parts [1, 1, 1, -1]"),
    ("Slice", ((5, 6), ints(1), ints(2, 3)), {}, "has 1 starts, 2 ends, 1 axes and 1 steps"),
    ("Slice", ((5, 6), ints(1, 1, 1), ints(2, 2, 2)), {}, "has 3 starts"),
    ("Slice", ((5, 6), ints(1), ints(2), ints(0), ints(0)), {}, "has the step 0"),
    ("Slice", ((5, 6), ints(1), ints(2), ints(0), ints(2**40)), {}, "has the step 1099511627776"),
    ("Slice", ((5, 6), ints(1, 1), ints(2, 2), ints(0, -2)), {}, "an axis twice"),
    ("Expand", ((3, 2), ints(2, 4)), {}, "do not fit together"),
    ("Expand", ((1,), ints(-1)), {}, "makes the shape [-1], which is not allowed"),
    ("Expand", ((1,), ints(2**40, 2)), {}, "which is not allowed"),
    ("Tile", ((2, 3), ints(2)), {}, "repeats [2] times the shape [2, 3]"),
    ("Tile", ((2, 3), ints(2, -1)), {}, "repeats [2, -1] times"),
    ("Pad", ((2, 3), ints(1, 1)), {}, "has 2 pads for 2 axes, but takes two for each"),
    ("Pad", ((2, 3), ints(-3, 0, 0, 0)), {}, "cuts -3 and 0 from an axis of 2"),
    ("Pad", ((2, 3), ints(-2, 0, -1, 0)), {}, "cuts -2 and -1 from an axis of 2"),
    ("Pad", ((2, 3), ints(-1, 0, 0, 0)), {"mode": "edge"}, "cuts -1 and 0"),
    ("Pad", ((2, 3), ints(2, 0, 0, 0)), {"mode": "reflect"}, "grows an axis of 2 by 2 in the mode reflect"),
    ("Pad", ((2, 3), ints(0, 0, 3, 0)), {"mode": "wrap"}, "grows an axis of 2 by 3 in the mode wrap"),
    ("Pad", ((0, 3), ints(0, 0, 1, 0)), {"mode": "edge"}, "grows an axis of 0 by 1 in the mode edge"),
    ("Pad", ((2, 3), ints(1, 1, 1, 1)), {"mode": "mirror"}, "has the mode 'mirror'"),
    ("Pad", ((2, 3), ints(1, 1, 1, 1), (2,)), {}, "takes one number to fill with"),
    ("Range", (ints(2), (1,), ints(3)), {}, "takes its bounds from input 1"),
    ("Range", (ints(2), floats(9), ints(3)), {}, "takes its bounds from input 1"),
    ("Range", (ints(2), ints(9, 9), ints(3)), {}, "takes its bounds from input 1"),
    ("Range", (ints(2), ints(9), ints(0)), {}, "runs from 2 to 9 by 0"),
    ("Range", (floats(0), floats(np.inf), floats(1)), {}, "runs from 0.0 to inf"),
    ("Range", (ints(0), ints(2**40 + 1), ints(1)), {}, "runs from 0 to 1099511627777"),
    ("Trilu", ((3,),), {}, "takes at least 2 axes"),
    ("Trilu", ((3, 3), ints(2**40 + 1)), {}, "has a diagonal far outside its matrix"),
    ("EyeLike", ((3, 3),), {"k": -(2**40) - 1}, "has a diagonal far outside its matrix"),
    ("EyeLike", ((3, 3),), {"dtype": 8}, "makes string, which is not allowed"),
    ("EyeLike", ((3, 3, 3),), {}, "takes 2 axes"),
    ("DepthToSpace", ((2, 6, 3, 4),), {"blocksize": 2}, "has 6 channels, which blocks of 2 x 2 do not divide"),
    ("DepthToSpace", ((2, 8, 3, 4),), {"blocksize": 0}, "has the block size 0"),
    ("DepthToSpace", ((2, 8, 3, 4),), {"blocksize": 2**16}, "has the block size 65536"),
    ("SpaceToDepth", ((2, 2, 5, 8),), {"blocksize": 2}, "has 5 x 8 pixels"),
    ("SpaceToDepth", ((2, 2, 6, 7),), {"blocksize": 2}, "has 6 x 7 pixels"),
    ("ReverseSequence", ((4, 2), ints(5, 0)), {}, "has sequence lengths that do not fit the shape [4, 2]"),
    ("ReverseSequence", ((4, 2), ints(1)), {}, "has sequence lengths that do not fit"),
    ("ReverseSequence", ((4, 2), ints(-1, 0)), {}, "has sequence lengths that do not fit"),
    ("ReverseSequence", ((4, 2), ints(1, 1)), {"batch_axis": 0}, "has the batch axis 0 and the time axis 0"),
    ("Reshape", ((2, 3), ints(-1, 4)), {}, "brings 6 elements into the shape [-1, 4], which does not divide them"),
    ("Reshape", ((0, 3), ints(-1, 0)), {"allowzero": 1}, "which does not divide them"),
    ("Reshape", ((2, 3), ints(2, 3, 0)), {}, "keeps axis 2"),
    ("Reshape", ((2, 3), ints(2, 3).reshape(1, 2)), {}, "takes a list of integers as input 1"),
    ("Reshape", ((2, 3), unknown(INT64, 2)), {}, "whose values depend on data or are too many"),
    ("Reshape", ((2, 3), ints(1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 3)), {}, "which is not allowed"),
    ("Add", ((2, 3), (2,)), {}, "has inputs of the shapes [2, 3] and [2], which do not fit together"),
    ("PRelu", ((2, 3), (4, 2, 3)), {}, "which does not fit [2, 3]"),
    ("Clip", ((2, 3), (2,)), {}, "takes one number as input 1, but has the shape [2]"),
    ("Clip", ((2, 3), None, (2,)), {}, "takes one number as input 2"),
    ("Where", ((3,), (2, 1), ()), {}, "takes bools as its condition, but has float"),
    ("Cast", ((2,),), {}, "converts to"),
    ("Cast", ((2,),), {"to": 8}, "converts to string, which is not allowed"),
    ("Dropout", ((2, 3), floats(0.5), bools(True)), {}, "is in training mode"),
    ("Dropout", ((2, 3), floats(0.5), unknown(BOOL, 1)), {}, "is in training mode"),
    ("Div", (unknown(INT64, 3), unknown(INT64, 3)), {}, "it could divide by zero"),
    ("Div", (unknown(INT64, 2), ints(1, 0)), {}, "divides integers by zero"),
    ("Mod", (unknown(INT64, 2), ints(0)), {}, "divides integers by zero"),
    ("Div", (unknown(INT64, 2), ints(-1)), {}, "divides integers by -1, which overflows for the lowest one"),
    ("Div", (ints(-(2**63)), ints(-1)), {}, "divides integers by -1"),
    (
        "ConstantOfShape",
        (ints(2),),
        {"value": helper.make_tensor("v", FLOAT, [0], [])},
        "has a value of 0 elements, but must have one",
    ),
]
"""Operator, inputs, attributes, and what is said."""


VALUES: list[tuple[str, tuple[Given, ...], dict[str, Any], Any]] = [
    ("Gather", (ints(5, 6, 7), ints(-1, 0)), {}, [7, 5]),
    ("Concat", (ints(5), ints(6, 7)), {"axis": 0}, [5, 6, 7]),
    ("Concat", (ints(5), unknown(INT64, 2)), {"axis": 0}, None),
    ("Slice", (ints(5, 6, 7, 8), ints(3), ints(0), ints(0), ints(-2)), {}, [8, 6]),
    ("Expand", (ints(5), ints(2)), {}, [5, 5]),
    ("Tile", (ints(5, 6), ints(2)), {}, [5, 6, 5, 6]),
    ("Range", (ints(2), ints(11), ints(3)), {}, [2, 5, 8]),
    ("Range", (floats(0), floats(2), floats(1)), {}, None),
    ("Reshape", (ints(5, 6), ints(2, 1)), {}, [[5], [6]]),
    ("Unsqueeze", (ints(5, 6), ints(0)), {}, [[5, 6]]),
    ("Squeeze", (ints(5),), {}, 5),
    ("Transpose", (ints(5, 6).reshape(1, 2),), {}, [[5], [6]]),
    ("Shape", ((2, 3, 4),), {"start": -2, "end": 9}, [3, 4]),
    ("Shape", ((2, 3, 4),), {"start": 2, "end": 1}, []),
    ("Size", ((2, 3, 4),), {}, 24),
    ("ConstantOfShape", (ints(2),), {}, [0, 0]),
    ("ConstantOfShape", (ints(2),), {"value": helper.make_tensor("v", INT64, [1], [7])}, [7, 7]),
    ("ConstantOfShape", (ints(MAX_KNOWN_VALUES + 1),), {}, None),
    ("ReduceProd", (ints(2, 3, 4),), {}, [24]),
    ("ReduceSum", (ints(2, 3, 4), ints(0)), {"keepdims": 0}, 9),
    ("ReduceProd", (ints(2**15, 2**15),), {}, None),
    ("ReduceProd", (ints(2**15, 2**15 - 1),), {}, [2**30 - 2**15]),
    ("ReduceMax", (ints(2, 3),), {}, None),
    ("Add", (ints(2, 3), ints(4)), {}, [6, 7]),
    ("Add", (ints(2**30), ints(1)), {}, None),
    ("Add", (ints(2**30 - 1), ints(1)), {}, [2**30]),
    ("Sub", (ints(2), ints(5)), {}, [-3]),
    ("Sub", (np.array([2], np.uint8), np.array([5], np.uint8)), {}, None),
    ("Mul", (ints(2), ints(-5)), {}, [-10]),
    ("Mul", (np.array([100], np.int8), np.array([2], np.int8)), {}, None),
    ("Div", (ints(-7, 7, -8), ints(2)), {}, [-3, 3, -4]),
    ("Div", (floats(7), floats(2)), {}, None),
    ("Mod", (ints(-7, 7), ints(3)), {}, [2, 1]),
    ("Max", (ints(2, 9), ints(5), ints(4)), {}, [5, 9]),
    ("Min", (ints(2, 9), ints(5)), {}, [2, 5]),
    ("Sum", (ints(2), ints(5), ints(7)), {}, [14]),
    ("Neg", (ints(2),), {}, [-2]),
    ("Abs", (ints(-2),), {}, [2]),
    ("Floor", (floats(-1.5),), {}, [-2]),
    ("Ceil", (floats(-1.5),), {}, [-1]),
    ("Sqrt", (floats(9),), {}, [3]),
    ("Sqrt", (floats(-1),), {}, None),
    ("Not", (bools(True, False),), {}, [False, True]),
    ("And", (bools(True, False), bools(True)), {}, [True, False]),
    ("Or", (bools(True, False), bools(False)), {}, [True, False]),
    ("Xor", (bools(True, False), bools(True)), {}, [False, True]),
    ("Equal", (ints(1, 2), ints(2)), {}, [False, True]),
    ("Less", (ints(1, 2), ints(2)), {}, [True, False]),
    ("LessOrEqual", (ints(1, 3), ints(2)), {}, [True, False]),
    ("Greater", (ints(2, 3), ints(2)), {}, [False, True]),
    ("GreaterOrEqual", (ints(2, 1), ints(2)), {}, [True, False]),
    ("Where", (bools(True, False), ints(1), ints(2)), {}, [1, 2]),
    ("Cast", (floats(-1.5, 2.5),), {"to": INT64}, [-1, 2]),
    ("Cast", (floats(300),), {"to": UINT8}, None),
    ("Cast", (floats(np.nan),), {"to": INT64}, None),
    ("Cast", (ints(0, 3),), {"to": BOOL}, [False, True]),
    ("Cast", (ints(2**40),), {"to": INT32}, None),
    ("Identity", (ints(4),), {}, [4]),
]
"""Operator, inputs, attributes, and the values that follow; None where they are not followed."""


@pytest.mark.parametrize(("operator", "given", "attributes", "shapes"), ANSWERS)
def test_answer_has_the_shape_that_the_standard_says(
    operator: str, given: tuple[Given, ...], attributes: dict[str, Any], shapes: tuple[tuple[int, ...], ...]
) -> None:
    _, answers = called(operator, given, attributes)

    assert tuple(answer.shape for answer in answers if answer) == shapes


@pytest.mark.parametrize(("operator", "given", "attributes", "said"), REFUSED)
def test_node_that_asks_for_what_is_not_there_is_refused(
    operator: str, given: tuple[Given, ...], attributes: dict[str, Any], said: str
) -> None:
    with pytest.raises(BundleError) as caught:
        called(operator, given, attributes)

    assert str(caught.value).startswith(f"the node 'n' ({operator}) ")
    assert said in str(caught.value)


@pytest.mark.parametrize(("operator", "given", "attributes", "value"), VALUES)
def test_values_are_followed_where_every_kernel_agrees(
    operator: str, given: tuple[Given, ...], attributes: dict[str, Any], value: Any
) -> None:
    _, (answer, *_) = called(operator, given, attributes)

    assert answer is not None
    if value is None:
        assert answer.value is None
    else:
        assert answer.value is not None
        assert answer.value.tolist() == value
        assert answer.value.shape == answer.shape


@pytest.mark.parametrize(
    ("operator", "given", "attributes", "asked"),
    [
        ("Shape", ((2, 3, 4),), {"start": 1}, (3, 4)),
        ("Size", ((2, 3),), {}, (2, 3)),
        ("Squeeze", ((1, 2),), {}, (1, 2)),
        ("Squeeze", ((1, 2), ints(0)), {}, ()),
        ("Slice", ((5, 6), ints(1), ints(9)), {}, (5,)),
        ("Slice", ((5, 6), ints(0), ints(9)), {}, ()),
        ("Pad", ((2, 3), ints(0, 0, -1, 0)), {}, (2,)),
        ("Pad", ((2, 3), ints(0, 0, 1, 0)), {}, ()),
    ],
)
def test_sizes_that_an_answer_hangs_on_are_kept(
    operator: str, given: tuple[Given, ...], attributes: dict[str, Any], asked: tuple[int, ...]
) -> None:
    call, _ = called(operator, given, attributes)

    assert call.asked == asked


@pytest.mark.parametrize(
    ("operator", "given", "attributes", "dtypes"),
    [
        ("IsNaN", ((2,),), {}, [BOOL]),
        ("Less", ((2,), (2,)), {}, [BOOL]),
        ("Where", (unknown(BOOL, 2), unknown(INT16, 2), unknown(INT16, 2)), {}, [INT16]),
        ("Cast", ((2,),), {"to": INT32}, [INT32]),
        ("CastLike", ((2,), unknown(INT16, 1)), {}, [INT16]),
        ("Dropout", ((2,),), {"outputs": 2}, [FLOAT, BOOL]),
        ("EyeLike", ((2, 2),), {"dtype": INT16}, [INT16]),
        ("EyeLike", (unknown(INT32, 2, 2),), {}, [INT32]),
        ("Size", ((2,),), {}, [INT64]),
        ("Range", (np.int16(1).reshape(1), np.int16(3).reshape(1), np.int16(1).reshape(1)), {}, [INT16]),
    ],
)
def test_answer_has_the_type_that_the_standard_says(
    operator: str, given: tuple[Given, ...], attributes: dict[str, Any], dtypes: list[int]
) -> None:
    _, answers = called(operator, given, attributes)

    assert [answer.dtype for answer in answers if answer] == dtypes
