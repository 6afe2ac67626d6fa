"""Convolutions, pooling, products and normalisations: answers, costs and refusals on both sides of each bound."""

from typing import Any

import numpy as np
import pytest
from onnx import TensorProto

from tests.runtime.graph.single import FLOAT, INT8, INT32, UINT8, Given, called, floats, ints, unknown
from vaeport.errors import BundleError

X = (2, 4, 7, 9)
WEIGHT = (6, 4, 3, 3)
BYTES = unknown(UINT8, 2, 4, 7, 9)
KERNELS = unknown(INT8, 6, 4, 3, 3)
ONE, ZERO = floats(1), np.zeros(1, np.uint8)

QLINEAR: tuple[Given, ...] = (BYTES, ONE, ZERO, KERNELS, (6,), unknown(INT8, 6), ONE, ZERO)


def quantised(**changed: Given) -> tuple[Given, ...]:
    """Inputs of QLinearConv, some of them others, by `i` and their number."""
    return tuple(changed.get(f"i{index}", given) for index, given in enumerate(QLINEAR))


ANSWERS: list[tuple[str, tuple[Given, ...], dict[str, Any], tuple[tuple[int, ...], ...]]] = [
    ("Conv", (X, WEIGHT), {}, ((2, 6, 5, 7),)),
    ("Conv", (X, WEIGHT, (6,)), {"pads": [1, 1, 1, 1], "strides": [2, 3]}, ((2, 6, 4, 3),)),
    ("Conv", (X, WEIGHT), {"dilations": [3, 4]}, ((2, 6, 1, 1),)),
    ("Conv", (X, (6, 2, 3, 3)), {"group": 2}, ((2, 6, 5, 7),)),
    ("Conv", (X, WEIGHT), {"auto_pad": "SAME_UPPER", "strides": [2, 2]}, ((2, 6, 4, 5),)),
    ("Conv", (X, WEIGHT), {"auto_pad": "VALID", "strides": [2, 2]}, ((2, 6, 3, 4),)),
    ("Conv", ((2, 4, 9), (6, 4, 9)), {"kernel_shape": [9]}, ((2, 6, 1),)),
    ("ConvInteger", (BYTES, KERNELS, ZERO, unknown(INT8, 6)), {}, ((2, 6, 5, 7),)),
    ("ConvInteger", (BYTES, KERNELS, ZERO, np.zeros(1, np.int8)), {}, ((2, 6, 5, 7),)),
    ("QLinearConv", QLINEAR, {}, ((2, 6, 5, 7),)),
    ("QLinearConv", quantised(i4=ONE, i5=np.zeros(1, np.int8)), {}, ((2, 6, 5, 7),)),
    ("ConvTranspose", (X, (4, 3, 2, 2)), {"strides": [2, 2]}, ((2, 3, 14, 18),)),
    ("ConvTranspose", (X, (4, 3, 2, 2), (6,)), {"strides": [2, 2], "group": 2}, ((2, 6, 14, 18),)),
    ("ConvTranspose", (X, (4, 3, 3, 3)), {"strides": [2, 2], "output_padding": [1, 0]}, ((2, 3, 16, 19),)),
    ("ConvTranspose", (X, (4, 3, 3, 3)), {"strides": [2, 2], "auto_pad": "SAME_LOWER"}, ((2, 3, 14, 18),)),
    ("ConvTranspose", (X, (4, 3, 3, 3)), {"strides": [2, 2], "output_shape": [15, 19]}, ((2, 3, 15, 19),)),
    ("MaxPool", (X,), {"kernel_shape": [2, 2]}, ((2, 4, 6, 8), (2, 4, 6, 8))),
    ("MaxPool", (X,), {"kernel_shape": [2, 2], "strides": [2, 2]}, ((2, 4, 3, 4), (2, 4, 3, 4))),
    ("MaxPool", (X,), {"kernel_shape": [2, 2], "strides": [2, 2], "ceil_mode": 1}, ((2, 4, 4, 5), (2, 4, 4, 5))),
    ("AveragePool", (X,), {"kernel_shape": [2, 2], "pads": [1, 1, 1, 1]}, ((2, 4, 8, 10),)),
    ("AveragePool", (X,), {"kernel_shape": [7, 9]}, ((2, 4, 1, 1),)),
    ("LpPool", (X,), {"kernel_shape": [3, 3]}, ((2, 4, 5, 7),)),
    ("GlobalMaxPool", (X,), {}, ((2, 4, 1, 1),)),
    ("LRN", (X,), {"size": 3}, (X,)),
    ("Col2Im", ((1, 5, 5), ints(5, 5), ints(1, 5)), {}, ((1, 1, 5, 5),)),
    ("Col2Im", ((1, 8, 4), ints(4, 4), ints(2, 2)), {"strides": [2, 2]}, ((1, 2, 4, 4),)),
    ("Gemm", ((2, 3), (3, 5), (5,)), {}, ((2, 5),)),
    ("Gemm", ((3, 2), (5, 3), (2, 1)), {"transA": 1, "transB": 1}, ((2, 5),)),
    ("MatMul", ((3,), (3,)), {}, ((),)),
    ("MatMul", ((7, 2, 3), (3,)), {}, ((7, 2),)),
    ("MatMul", ((3,), (7, 3, 5)), {}, ((7, 5),)),
    ("MatMul", ((7, 1, 2, 3), (4, 3, 5)), {}, ((7, 4, 2, 5),)),
    ("MatMulInteger", (unknown(UINT8, 2, 3), unknown(INT8, 3, 5), ZERO, unknown(INT8, 5)), {}, ((2, 5),)),
    (
        "QLinearMatMul",
        (unknown(UINT8, 2, 3), ONE, ZERO, unknown(INT8, 3, 5), (5,), unknown(INT8, 5), ONE, ZERO),
        {},
        ((2, 5),),
    ),
    ("Einsum", ((2, 3), (3, 5)), {"equation": "ij,jk->ik"}, ((2, 5),)),
    ("Einsum", ((2, 3), (3, 5)), {"equation": "ij , jk"}, ((2, 5),)),
    ("Einsum", ((7, 2, 3), (7, 3, 5)), {"equation": "...ij,...jk->...ki"}, ((7, 5, 2),)),
    ("Einsum", ((4, 4),), {"equation": "ii->i"}, ((4,),)),
    ("Det", ((7, 3, 3),), {}, ((7,),)),
    ("Softmax", ((2, 3),), {"axis": -2}, ((2, 3),)),
    ("BatchNormalization", (X, (4,), (4,), (4,), (4,)), {}, (X,)),
    ("InstanceNormalization", (X, (4,), (4,)), {}, (X,)),
    ("GroupNormalization", (X, (2,), (2,)), {"num_groups": 2}, (X,)),
    ("GroupNormalization", (X, (4,), (4,)), {"num_groups": 2, "opset": 21}, (X,)),
    ("LayerNormalization", ((2, 3, 4), (3, 4), (3, 4)), {"axis": 1}, ((2, 3, 4), (2, 1, 1), (2, 1, 1))),
    ("LayerNormalization", ((2, 3), (1,)), {}, ((2, 3), (2, 1), (2, 1))),
    ("LpNormalization", ((2, 3),), {"p": 1}, ((2, 3),)),
    ("MeanVarianceNormalization", (X,), {}, (X,)),
    ("ReduceMean", ((2, 3, 4), ints(0, -1)), {}, ((1, 3, 1),)),
    ("ReduceMean", ((2, 3, 4),), {"axes": [1], "keepdims": 0, "opset": 17}, ((2, 4),)),
    ("ReduceSum", ((2, 3), ints(1)), {"keepdims": 0, "opset": 13}, ((2,),)),
    ("ReduceSum", ((2, 3),), {"axes": [1], "opset": 12}, ((2, 1),)),
    ("ReduceSum", ((2, 3),), {"noop_with_empty_axes": 1}, ((2, 3),)),
    ("ReduceMax", ((2, 3),), {}, ((1, 1),)),
]
"""Operator, inputs, attributes, and the shape of each output."""


REFUSED: list[tuple[str, tuple[Given, ...], dict[str, Any], str]] = [
    ("Conv", (X, (6, 3, 3, 3)), {}, "has 1 groups and a weight [6, 3, 3, 3] for 4 channels"),
    ("Conv", (X, (5, 2, 3, 3)), {"group": 2}, "has 2 groups"),
    ("Conv", (X, WEIGHT), {"group": 0}, "has 0 groups"),
    ("Conv", (X, (0, 4, 3, 3)), {}, "has 1 groups and a weight [0, 4, 3, 3]"),
    ("Conv", (X, WEIGHT, (4,)), {}, "has a bias of the shape [4], but 6 channels"),
    ("Conv", (X, WEIGHT), {"kernel_shape": [3, 2]}, "has the kernel [3, 2], but a weight of [3, 3]"),
    ("Conv", (X, (6, 4, 0, 3)), {}, "but a weight of [0, 3]"),
    ("Conv", (X, (6, 4, 8, 3)), {}, "has a window of 8, which is larger than an axis of 7"),
    ("Conv", (X, WEIGHT), {"dilations": [4, 1]}, "has a window of 9"),
    ("Conv", (X, WEIGHT), {"strides": [0, 1]}, "has strides of [0, 1]"),
    ("Conv", (X, WEIGHT), {"strides": [1]}, "has 1 strides, but 2 axes"),
    ("Conv", (X, WEIGHT), {"pads": [-1, 0, 0, 0]}, "has pads of [-1, 0, 0, 0]"),
    ("Conv", (X, WEIGHT), {"auto_pad": "SOME"}, "has the auto_pad 'SOME'"),
    ("Conv", ((2, 4), (6, 4)), {}, "takes at least 3 axes"),
    ("Conv", (X, (6, 4, 3)), {}, "takes 4 axes, but input 1"),
    ("ConvInteger", (BYTES, KERNELS, unknown(UINT8, 4)), {}, "takes one number as the zero point of its input"),
    (
        "ConvInteger",
        (BYTES, KERNELS, ZERO, unknown(INT8, 4)),
        {},
        "takes one zero point of its weight, or one for each",
    ),
    ("QLinearConv", quantised(i1=(2,)), {}, "takes one number as input 1"),
    ("QLinearConv", quantised(i2=unknown(UINT8, 2)), {}, "takes one number as input 2"),
    ("QLinearConv", quantised(i4=(4,)), {}, "takes one number as input 4, or one for each channel"),
    ("QLinearConv", quantised(i5=unknown(INT8, 4)), {}, "takes one number as input 5, or one for each channel"),
    ("QLinearConv", quantised(i6=(6,)), {}, "takes one number as input 6"),
    ("QLinearConv", quantised(i7=unknown(UINT8, 6)), {}, "takes one number as input 7"),
    ("QLinearConv", (*QLINEAR, unknown(INT32, 4)), {}, "has a bias of the shape [4], but 6 channels"),
    ("ConvTranspose", (X, (3, 3, 2, 2)), {}, "has 1 groups and a weight [3, 3, 2, 2] for 4 channels"),
    ("ConvTranspose", (X, (4, 3, 2, 2)), {"group": 3}, "has 3 groups"),
    ("ConvTranspose", (X, (4, 3, 2, 2), (4,)), {}, "has a bias of the shape [4], but 3 channels"),
    ("ConvTranspose", (X, (4, 3, 2, 2)), {"output_padding": [1, 0]}, "an output padding of [1, 0]"),
    ("ConvTranspose", (X, (4, 3, 2, 2)), {"strides": [3, 3], "auto_pad": "SAME_UPPER"}, "strides above its window"),
    ("ConvTranspose", (X, (4, 3, 2, 2)), {"strides": [2, 2], "output_shape": [16, 18]}, "answers the size [16, 18]"),
    ("ConvTranspose", (X, (4, 3, 2, 2)), {"strides": [2, 2], "output_shape": [18]}, "answers the size [18]"),
    ("ConvTranspose", (X, (4, 3, 2, 2)), {"strides": [2, 2], "pads": [7, 0, 7, 0]}, "answers the size [0, 18]"),
    ("MaxPool", (X,), {}, "has no kernel_shape"),
    ("MaxPool", (X,), {"kernel_shape": [2, 2], "storage_order": 2}, "has storage_order of 2"),
    ("MaxPool", (X,), {"kernel_shape": [8, 2]}, "has a window of 8"),
    ("MaxPool", (X,), {"kernel_shape": [2, 2], "pads": [2, 0, 0, 0]}, "which are not below its kernel [2, 2]"),
    ("MaxPool", (X,), {"kernel_shape": [2, 2], "pads": [0, 0, 0, 2]}, "which are not below its kernel"),
    ("MaxPool", (X,), {"kernel_shape": [2, 2], "auto_pad": "SAME_UPPER", "dilations": [2, 1]}, "has dilations under"),
    ("GlobalAveragePool", ((2, 4),), {}, "takes at least 3 axes"),
    ("LRN", (X,), {"size": 2}, "has the size 2; it must be odd and positive"),
    ("LRN", (X,), {"size": -1}, "has the size -1"),
    ("Col2Im", ((1, 5, 5), ints(5, 5), ints(5)), {}, "has the image [5, 5] and the block [5]"),
    ("Col2Im", ((1, 5, 5), ints(5, 0), ints(1, 5)), {}, "has the image [5, 0]"),
    ("Col2Im", ((1, 5, 4), ints(5, 5), ints(1, 5)), {}, "has 4 blocks of 5"),
    ("Col2Im", ((1, 6, 5), ints(5, 5), ints(1, 5)), {}, "has 5 blocks of 6"),
    ("Gemm", ((2, 3), (4, 5)), {}, "multiplies 2 x 3 by 4 x 5"),
    ("Gemm", ((2, 3), (3, 5)), {"transA": 1}, "multiplies 3 x 2 by 3 x 5"),
    ("Gemm", ((2, 3), (3, 5), (2, 2, 5)), {}, "which does not fit [2, 5]"),
    ("Gemm", ((2, 3), (3, 5), (2,)), {}, "do not fit together"),
    ("MatMul", ((2, 3), (4, 5)), {}, "multiplies the shapes [2, 3] and [4, 5], which do not fit"),
    ("MatMul", ((7, 2, 3), (4, 3, 5)), {}, "do not fit together"),
    ("MatMul", ((), (3,)), {}, "takes at least 1 axes"),
    ("MatMulInteger", (unknown(UINT8, 2, 3), unknown(INT8, 3, 5), unknown(UINT8, 2)), {}, "has [2] as input 2"),
    ("MatMulInteger", (unknown(UINT8, 2, 3), unknown(INT8, 3, 5), ZERO, unknown(INT8, 3)), {}, "has [3] as input 3"),
    (
        "QLinearMatMul",
        (unknown(UINT8, 2, 3), ONE, ZERO, unknown(INT8, 3, 5), ONE, ZERO, (5,), ZERO),
        {},
        "takes one number as input 6",
    ),
    (
        "QLinearMatMul",
        (unknown(UINT8, 2, 3), (2,), ZERO, unknown(INT8, 3, 5), ONE, ZERO, ONE, ZERO),
        {},
        "has [2] as input 1",
    ),
    ("Einsum", ((2, 3),), {"equation": "ij,jk"}, "has an equation of 2 terms for 1 inputs"),
    ("Einsum", ((2, 3),), {"equation": "i"}, "has the term 'i' for the shape [2, 3]"),
    ("Einsum", ((2, 3),), {"equation": "i1"}, "has the term 'i1'"),
    ("Einsum", ((2, 3),), {"equation": "ijk"}, "has the term 'ijk'"),
    ("Einsum", ((2, 3), (4, 5)), {"equation": "ij,jk"}, "gives the letter j the sizes 3 and 4"),
    ("Einsum", ((2, 3),), {"equation": "ij->ii"}, "has the output 'ii'"),
    ("Einsum", ((2, 3),), {"equation": "ij->k"}, "has the output 'k'"),
    ("Einsum", ((2, 3),), {"equation": "ij->" + "j" * 200}, "has an equation of 1 terms"),
    ("Det", ((2, 3),), {}, "takes square matrices, but has the shape [2, 3]"),
    ("Softmax", ((2, 3),), {"axis": 2}, "the axis 2"),
    ("BatchNormalization", (X, (4,), (4,), (4,), (3,)), {}, "has 3 numbers as input 4, but 4 channels"),
    ("BatchNormalization", (X, (3,), (4,), (4,), (4,)), {}, "has 3 numbers as input 1, but 4 channels"),
    ("BatchNormalization", (X, (4,), (4,), (4,), (4,)), {"training_mode": 1}, "is in training mode"),
    ("BatchNormalization", (X, (4,), (4,), (4,), (4,)), {"outputs": 3}, "is in training mode"),
    ("InstanceNormalization", (X, (4,), (3,)), {}, "has 3 numbers as input 2, but 4 channels"),
    ("InstanceNormalization", (X, (3,), (4,)), {}, "has 3 numbers as input 1, but 4 channels"),
    ("GroupNormalization", (X, (2,), (2,)), {"num_groups": 3}, "has 3 groups of 4 channels"),
    ("GroupNormalization", (X, (2,), (2,)), {}, "has 0 groups of 4 channels"),
    ("GroupNormalization", (X, (4,), (2,)), {"num_groups": 2}, "has input 1 of the shape [4], but must have [2]"),
    ("GroupNormalization", (X, (4,), (2,)), {"num_groups": 2, "opset": 21}, "has input 2 of the shape [2], but must"),
    ("LayerNormalization", ((2, 3, 4), (4,)), {"axis": 1}, "has input 1 of the shape [4] for [3, 4]"),
    ("LayerNormalization", ((2, 3), (5,)), {}, "do not fit together"),
    ("LayerNormalization", ((2, 3), (3,)), {"stash_type": TensorProto.INT64}, "computes in int64"),
    ("LpNormalization", ((2, 3),), {"p": 3}, "has p = 3; it must be 1 or 2"),
    ("MeanVarianceNormalization", ((2, 4, 7),), {}, "the axis 3"),
    ("ReduceMean", ((2, 3), ints(0, 0)), {}, "an axis twice"),
    ("ReduceMean", ((2, 0), ints(0)), {}, "to [1, 0], which is empty"),
    ("ReduceMean", ((2, 3),), {"keepdims": 2}, "has keepdims of 2"),
]
"""Operator, inputs, attributes, and what is said."""


COSTS: list[tuple[str, tuple[Given, ...], dict[str, Any], int, int]] = [
    ("Conv", (X, WEIGHT), {}, 4 * (2 * 6 * 5 * 7) * 36, 36 * 35),
    ("Conv", (X, (16, 4, 3, 3)), {}, (2 * 16 * 5 * 7) * 36, 36 * 35),
    ("Conv", (X, (16, 2, 3, 3)), {"group": 2}, 4 * (2 * 16 * 5 * 7) * 18, 2 * 18 * 35),
    ("Conv", ((1, 256, 34, 34), (16, 256, 3, 3)), {}, 16 * 32 * 32 * 2304, 2**18),
    ("Conv", ((2, 4, 9), (16, 4, 3)), {}, 2 * 16 * 7 * 12, 12 * 7),
    ("Conv", ((1, 256, 3000), (16, 256, 3)), {}, 16 * 2998 * 768, 768 * 2998),
    ("Conv", (unknown(TensorProto.DOUBLE, *X), unknown(TensorProto.DOUBLE, 16, 4, 3, 3)), {}, 2 * 40320, 36 * 35),
    ("ConvInteger", (BYTES, KERNELS), {}, 4 * (2 * 6 * 5 * 7) * 36, 36 * 35),
    ("ConvTranspose", (X, (4, 3, 2, 2)), {"strides": [2, 2]}, 4 * 504 * 12, 12 * 63),
    ("ConvTranspose", (X, (4, 3, 2, 2)), {"strides": [2, 2], "group": 2}, 4 * 504 * 12, 2 * 12 * 63),
    ("MaxPool", (X,), {"kernel_shape": [2, 3]}, 40 * (2 * 4 * 6 * 7) * 6, 0),
    ("LpPool", (X,), {"kernel_shape": [2, 3]}, 200 * (2 * 4 * 6 * 7) * 6, 0),
    ("GlobalAveragePool", (X,), {}, 40 * 504, 0),
    ("GlobalLpPool", (X,), {}, 200 * 504, 0),
    ("LRN", (X,), {"size": 3}, 640 * 504 + 8 * 3 * 63, 7 * 63),
    ("Col2Im", ((1, 5, 5), ints(5, 5), ints(1, 5)), {}, 40 * 25, 0),
    ("Einsum", ((2, 3), (3, 5)), {"equation": "ij,jk->ik"}, 4 * 30, 2 * 21),
    ("Einsum", ((7, 2, 3), (7, 3, 5)), {"equation": "...ij,...jk->...ik"}, 4 * 30 * 7, 2 * (42 + 105)),
    ("Det", ((7, 3, 3),), {}, 8 * 63 * 3, 0),
    ("MatMul", ((7, 2, 3), (3,)), {}, 7 * 2 * 3, 0),
    ("MatMulInteger", (unknown(UINT8, 2, 3), unknown(INT8, 3, 5)), {}, 30, 0),
    ("InstanceNormalization", (X, (4,), (4,)), {}, 48 * 504, 0),
    ("GroupNormalization", (X, (2,), (2,)), {"num_groups": 2}, 48 * 504, 3 * 504),
    ("MeanVarianceNormalization", (X,), {}, 48 * 504, 3 * 504),
    ("ReduceMax", ((2, 3),), {}, 48 * 6, 0),
]
"""Operator, inputs, attributes, steps, and elements beside the outputs."""


@pytest.mark.parametrize(("operator", "given", "attributes", "shapes"), ANSWERS)
def test_answer_has_the_shape_that_the_standard_says(
    operator: str, given: tuple[Given, ...], attributes: dict[str, Any], shapes: tuple[tuple[int, ...], ...]
) -> None:
    _, answers = called(operator, given, attributes)

    assert tuple(answer.shape for answer in answers if answer) == shapes


@pytest.mark.parametrize(("operator", "given", "attributes", "said"), REFUSED)
def test_node_whose_sizes_do_not_fit_is_refused(
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
        ("ConvInteger", (BYTES, KERNELS), [INT32]),
        ("QLinearConv", QLINEAR, [UINT8]),
        ("MatMulInteger", (unknown(UINT8, 2, 3), unknown(INT8, 3, 5)), [INT32]),
        ("LayerNormalization", (unknown(TensorProto.FLOAT16, 2, 3), (3,)), [TensorProto.FLOAT16, FLOAT, FLOAT]),
    ],
)
def test_answer_has_the_type_that_the_standard_says(operator: str, given: tuple[Given, ...], dtypes: list[int]) -> None:
    _, answers = called(operator, given, {})

    assert [answer.dtype for answer in answers if answer] == dtypes
