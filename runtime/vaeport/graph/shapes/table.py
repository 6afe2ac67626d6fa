"""The allow-list: the operators that a graph may hold, each with the function that gives its shape and cost.

Not on it: control flow (If, Loop, Scan), whose work has no bound; random operators, whose answers change; sequences,
optionals, maps and strings, which answers are not made of; ImageDecoder; operators whose output's size depends on data
(NonZero, Compress, Unique, NonMaxSuppression).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from ..limits import MAX_NODE_TENSORS
from . import elementwise, gathering, normalising, products, quantising, recurrent, resampling, shaping, windows
from .call import Call, Known

ShapeFunction = Callable[[Call], Known | list[Known | None]]


class Operator(NamedTuple):
    """One operator of the list."""

    shapes: ShapeFunction
    """Gives the outputs of a node and counts its work."""
    least: int = 1
    """Fewest inputs."""
    most: int = 1
    """Most inputs."""
    outputs: int = 1
    """Most outputs."""


def _all(names: str, operator: Operator) -> dict[str, Operator]:
    return dict.fromkeys(names.split(), operator)


OPERATORS: dict[str, Operator] = {
    **_all(
        "Abs Acos Acosh Asin Asinh Atan Atanh BitwiseNot Ceil Celu Cos Cosh Elu Erf Exp Floor Gelu HardSigmoid "
        "HardSwish Identity LeakyRelu Log Mish Neg Not Reciprocal Relu Round Selu Shrink Sigmoid Sign Sin Sinh "
        "Softplus Softsign Sqrt Swish Tan Tanh ThresholdedRelu",
        Operator(elementwise.same),
    ),
    **_all("IsInf IsNaN", Operator(elementwise.predicate)),
    **_all("Add Sub Mul Pow PRelu BitShift BitwiseAnd BitwiseOr BitwiseXor", Operator(elementwise.binary, 2, 2)),
    **_all("Div Mod", Operator(elementwise.divide, 2, 2)),
    **_all(
        "And Equal Greater GreaterOrEqual Less LessOrEqual Or Xor",
        Operator(elementwise.comparison, 2, 2),
    ),
    **_all("Max Mean Min Sum", Operator(elementwise.variadic, 1, MAX_NODE_TENSORS)),
    "Cast": Operator(elementwise.cast),
    "CastLike": Operator(elementwise.cast_like, 2, 2),
    "Clip": Operator(elementwise.same_or_more, 1, 3),
    "Dropout": Operator(elementwise.dropout, 1, 3, 2),
    "Where": Operator(elementwise.where, 3, 3),
    "Concat": Operator(shaping.concat, 1, MAX_NODE_TENSORS),
    "Constant": Operator(shaping.constant, 0, 0),
    "ConstantOfShape": Operator(shaping.constant_of_shape),
    "DepthToSpace": Operator(shaping.depth_to_space),
    "Expand": Operator(shaping.expand, 2, 2),
    "EyeLike": Operator(shaping.eye_like),
    "Flatten": Operator(shaping.flatten),
    "Pad": Operator(shaping.pad, 1, 4),
    "Range": Operator(shaping.range_, 3, 3),
    "Reshape": Operator(shaping.reshape, 2, 2),
    "ReverseSequence": Operator(shaping.reverse_sequence, 2, 2),
    "Shape": Operator(shaping.shape_of),
    "Size": Operator(shaping.size_of),
    "Slice": Operator(shaping.slice_, 1, 5),
    "SpaceToDepth": Operator(shaping.space_to_depth),
    "Split": Operator(shaping.split, 1, 2, MAX_NODE_TENSORS),
    "Squeeze": Operator(shaping.squeeze, 1, 2),
    "Tile": Operator(shaping.tile, 2, 2),
    "Transpose": Operator(shaping.transpose),
    "Trilu": Operator(shaping.trilu, 1, 2),
    "Unsqueeze": Operator(shaping.unsqueeze, 1, 2),
    **_all("ArgMax ArgMin", Operator(gathering.arg_reduce)),
    "CumSum": Operator(gathering.cumulate, 2, 2),
    "Gather": Operator(gathering.gather, 2, 2),
    "GatherElements": Operator(gathering.gather_elements, 2, 2),
    "GatherND": Operator(gathering.gather_nd, 2, 2),
    "OneHot": Operator(gathering.one_hot, 3, 3),
    **_all("Scatter ScatterElements", Operator(gathering.scatter_elements, 3, 3)),
    "ScatterND": Operator(gathering.scatter_nd, 3, 3),
    "TopK": Operator(gathering.top_k, 1, 2, 2),
    "Det": Operator(products.det),
    "Einsum": Operator(products.einsum, 1, 8),
    "Gemm": Operator(products.gemm, 2, 3),
    "MatMul": Operator(products.matmul, 2, 2),
    "MatMulInteger": Operator(products.matmul_integer, 2, 4),
    "QLinearMatMul": Operator(products.qlinear_matmul, 8, 8),
    "Conv": Operator(windows.conv, 2, 3),
    "ConvInteger": Operator(windows.conv_integer, 2, 4),
    "ConvTranspose": Operator(windows.conv_transpose, 2, 3),
    "QLinearConv": Operator(windows.qlinear_conv, 8, 9),
    "Col2Im": Operator(windows.col2im, 3, 3),
    "LRN": Operator(windows.lrn),
    "MaxPool": Operator(windows.max_pool, 1, 1, 2),
    **_all("AveragePool LpPool", Operator(windows.pool)),
    **_all("GlobalAveragePool GlobalLpPool GlobalMaxPool", Operator(windows.global_pool)),
    "AffineGrid": Operator(resampling.affine_grid, 2, 2),
    "GridSample": Operator(resampling.grid_sample, 2, 2),
    "Resize": Operator(resampling.resize, 1, 4),
    "Upsample": Operator(resampling.upsample, 1, 2),
    **_all("Hardmax LogSoftmax Softmax", Operator(normalising.softmax)),
    "BatchNormalization": Operator(normalising.batch_norm, 5, 5, 5),
    "GroupNormalization": Operator(normalising.group_norm, 3, 3),
    "InstanceNormalization": Operator(normalising.instance_norm, 3, 3),
    "LayerNormalization": Operator(normalising.layer_norm, 2, 3, 3),
    "LpNormalization": Operator(normalising.lp_norm),
    "MeanVarianceNormalization": Operator(normalising.mean_variance),
    "RMSNormalization": Operator(normalising.layer_norm, 2, 2),
    **_all(
        "ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum "
        "ReduceSumSquare",
        Operator(normalising.reduce, 1, 2),
    ),
    **_all("GRU RNN", Operator(recurrent.recurrent, 3, 6, 2)),
    "LSTM": Operator(recurrent.recurrent, 3, 8, 3),
    "DequantizeLinear": Operator(quantising.dequantize, 2, 3),
    "DynamicQuantizeLinear": Operator(quantising.dynamic_quantize, 1, 1, 3),
    "QuantizeLinear": Operator(quantising.quantize, 2, 3),
}
