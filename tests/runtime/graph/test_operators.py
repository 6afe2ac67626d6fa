"""Nodes that end, hang or mislead a process are refused by name, whatever kernel would have met them."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper

from tests.runtime.graph.small import check, decoder
from vaeport.errors import BundleError

Weights = dict[str, NDArray[Any]]

PICTURE = np.array([0, 1, 1, 5], np.int64)
"""`code` [batch, 5] as a picture of one channel."""
SEQUENCE = np.array([1, -1, 5], np.int64)
"""`code` as one step of a sequence."""
SQUARE = np.zeros((4, 1, 3, 3), np.float32)
"""A convolution from one channel to four."""


def numbers(*values: float) -> NDArray[np.int64]:
    return np.array(values, np.int64)


def floats(*shape: int) -> NDArray[np.float32]:
    return np.ones(shape, np.float32)


def node(operator: str, *more: str, first: str = "code", **attributes: Any) -> NodeProto:
    return helper.make_node(operator, [first, *more], ["out"], "odd", **attributes)


def refusal(
    odd: NodeProto, weights: Weights | None = None, *, opset: int = 18, shape: NDArray[Any] | None = None
) -> str:
    """The sentence with which a node is refused that reads `code`, or `x`, which is `code` in another shape."""
    nodes = [] if shape is None else [helper.make_node("Reshape", ["code", "shape"], ["x"], "form")]
    given = {**(weights or {}), **({} if shape is None else {"shape": shape})}
    with pytest.raises(BundleError) as caught:
        check(decoder([*nodes, odd], given, opset=opset))
    assert str(caught.value).startswith(f"the node 'odd' ({odd.op_type}) ")
    return str(caught.value)


FLAT: dict[str, tuple[NodeProto, Weights, str]] = {
    "softmax axis": (node("Softmax", axis=7), {}, "the axis 7"),
    "flatten axis": (node("Flatten", axis=-9), {}, "the axis -9"),
    "concat axis": (node("Concat", "code", axis=2), {}, "the axis 2"),
    "transpose order": (node("Transpose", perm=[0, 0]), {}, "the order [0, 0]"),
    "argmax axis": (node("ArgMax", axis=2**62), {}, "the axis 4611686018427387904"),
    "argmax flag": (node("ArgMax", keepdims=2), {}, "keepdims of 2"),
    "reshape two unknown": (node("Reshape", "w"), {"w": numbers(-1, -1)}, "at most one size may be -1"),
    "reshape below -1": (node("Reshape", "w"), {"w": numbers(-2, 5)}, "at most one size may be -1"),
    "reshape other count": (node("Reshape", "w"), {"w": numbers(0, 6)}, "brings 5 elements into the shape [1, 6]"),
    "reshape keeps none": (node("Reshape", "w"), {"w": numbers(0, 0, 0)}, "keeps axis 2"),
    "reshape from data": (node("Reshape", "code"), {}, "takes integers as input 1, but has float"),
    "squeeze wide": (node("Squeeze", "w"), {"w": numbers(1)}, "leaves out axis 1"),
    "unsqueeze twice": (node("Unsqueeze", "w"), {"w": numbers(1, 1)}, "an axis twice"),
    "slice step 0": (
        node("Slice", "w", "w", "w", "t"),
        {"w": numbers(1), "t": numbers(0)},
        "has the step 0",
    ),
    "slice lowest step": (
        node("Slice", "w", "w", "w", "t"),
        {"w": numbers(1), "t": numbers(-(2**63))},
        "has the step -9223372036854775808",
    ),
    "split sizes": (node("Split", "w", axis=1), {"w": numbers(4)}, "splits an axis of 5 into the parts [4]"),
    "tile bomb": (node("Tile", "w"), {"w": numbers(1, 2**30)}, "elements in one tensor"),
    "tile overflow": (node("Tile", "w"), {"w": numbers(2**62, 4)}, "which is not allowed"),
    "tile negative": (node("Tile", "w"), {"w": numbers(1, -1)}, "repeats [1, -1] times"),
    "expand bomb": (node("Expand", "w"), {"w": numbers(2**24, 1, 5)}, "elements in one tensor"),
    "empty with huge axes": (node("Tile", "w"), {"w": numbers(0, 2**37)}, "the empty shape"),
    "pad bomb": (node("Pad", "w"), {"w": numbers(0, 2**38, 0, 0)}, "elements in one tensor"),
    "pad cuts too much": (node("Pad", "w"), {"w": numbers(0, -6, 0, 0)}, "cuts -6 and 0 from an axis of 5"),
    "pad reflects too far": (node("Pad", "w", mode="reflect"), {"w": numbers(0, 5, 0, 0)}, "grows an axis of 5"),
    "pad mode": (node("Pad", "w", mode="magic"), {"w": numbers(0, 0, 0, 0)}, "the mode 'magic'"),
    "gather outside": (node("Gather", "w", axis=1), {"w": numbers(5)}, "an index outside an axis of 5"),
    "gather far outside": (node("Gather", "w", axis=1), {"w": numbers(-(2**63))}, "an index outside"),
    "gather tuples": (node("GatherND", "w"), {"w": np.zeros((1, 3), np.int64)}, "tuples of 3 indices"),
    "gather batch": (node("GatherND", "w", batch_dims=-1), {"w": np.zeros((1, 1), np.int64)}, "-1 batch axes"),
    "scatter outside": (
        node("ScatterElements", "w", "u", axis=1),
        {"w": np.full((1, 1), 9), "u": floats(1, 1)},
        "an index outside",
    ),
    "scatter updates": (
        node("ScatterND", "w", "u"),
        {"w": np.zeros((1, 1), np.int64), "u": floats(1, 4)},
        "which do not fit its indices",
    ),
    "onehot bomb": (
        node("OneHot", "w", "v"),
        {"w": numbers(2**36), "v": floats(2)},
        "elements in one tensor",
    ),
    "onehot no depth": (
        node("OneHot", "w", "v"),
        {"w": np.array(np.nan, np.float32), "v": floats(2)},
        "not one known number",
    ),
    "topk too many": (node("TopK", "w"), {"w": numbers(6)}, "takes the 6 largest of 5"),
    "topk negative": (node("TopK", "w"), {"w": numbers(-1)}, "takes the -1 largest"),
    "cumsum axis": (node("CumSum", "w"), {"w": np.array(2)}, "the axis 2"),
    "trilu far": (node("Trilu", "w"), {"w": np.array(2**62)}, "far outside"),
    "gemm sizes": (node("Gemm", "w"), {"w": floats(4, 5)}, "multiplies 1 x 5 by 4 x 5"),
    "gemm bias": (
        node("Gemm", "w", "b"),
        {"w": floats(5, 5), "b": floats(3)},
        "[1, 5] and [3], which do not fit together",
    ),
    "matmul sizes": (node("MatMul", "w"), {"w": floats(4, 5)}, "do not fit"),
    "einsum letters": (node("Einsum", equation="a1->a"), {}, "the term 'a1'"),
    "einsum output": (node("Einsum", equation="ab->abc"), {}, "the output 'abc'"),
    "einsum terms": (node("Einsum", equation="ab,bc->ac"), {}, "2 terms for 1 inputs"),
    "broadcast": (node("Add", "w"), {"w": floats(4)}, "do not fit together"),
    "prelu grows": (node("PRelu", "w"), {"w": floats(7, 1, 5)}, "does not fit"),
    "quantize scale": (
        node("QuantizeLinear", "w", "zero", axis=1),
        {"w": floats(4), "zero": np.zeros(4, np.uint8)},
        "a scale of the shape [4]",
    ),
    "quantize zero point": (
        node("QuantizeLinear", "w", "zero", axis=1),
        {"w": floats(5), "zero": np.zeros(4, np.uint8)},
        "a zero point of [4]",
    ),
    "quantize axis": (
        node("QuantizeLinear", "w", "zero", axis=9),
        {"w": floats(5), "zero": np.zeros(5, np.uint8)},
        "the axis 9",
    ),
    "layer norm axis": (node("LayerNormalization", "w", axis=-3), {"w": floats(5)}, "the axis -3"),
    "layer norm scale": (node("LayerNormalization", "w"), {"w": floats(4)}, "do not fit together"),
    "dropout in training": (
        node("Dropout", "w", "t"),
        {"w": np.array(0.5, np.float32), "t": np.array(True)},
        "training mode",
    ),
    "cast to text": (node("Cast", to=TensorProto.STRING), {}, "converts to string"),
    "range without end": (
        helper.make_node("Range", ["a", "b", "c"], ["out"], "odd"),
        {"a": np.array(0), "b": np.array(2**39), "c": np.array(1)},
        "elements in one tensor",
    ),
    "range of steps 0": (
        helper.make_node("Range", ["a", "b", "c"], ["out"], "odd"),
        {"a": np.array(0), "b": np.array(9), "c": np.array(0)},
        "runs from 0 to 9 by 0",
    ),
    "constant bomb": (
        helper.make_node("ConstantOfShape", ["w"], ["out"], "odd"),
        {"w": numbers(2**20, 2**10)},
        "elements in one tensor",
    ),
    "constant of two values": (helper.make_node("Constant", [], ["out"], "odd"), {}, "has 0 attributes"),
}

PICTURES: dict[str, tuple[NodeProto, Weights, str]] = {
    "no groups": (node("Conv", "w", first="x", group=0), {"w": SQUARE}, "has 0 groups"),
    "groups that do not divide": (node("Conv", "w", first="x", group=3), {"w": SQUARE}, "has 3 groups"),
    "empty kernel": (node("Conv", "w", first="x"), {"w": floats(4, 1, 0, 3)}, "the kernel [0, 3]"),
    "other kernel": (node("Conv", "w", first="x", kernel_shape=[5, 5]), {"w": SQUARE}, "the kernel [5, 5]"),
    "no stride": (node("Conv", "w", first="x", strides=[0, 1], pads=[1] * 4), {"w": SQUARE}, "strides of [0, 1]"),
    "no dilation": (node("Conv", "w", first="x", dilations=[1, 0]), {"w": SQUARE}, "dilations of [1, 0]"),
    "huge pads": (node("Conv", "w", first="x", pads=[2**30] * 4), {"w": SQUARE}, "makes the shape"),
    "overflowing pads": (node("Conv", "w", first="x", pads=[2**62] * 4), {"w": SQUARE}, "pads of"),
    "negative pads": (node("Conv", "w", first="x", pads=[-1] * 4), {"w": SQUARE}, "pads of"),
    "large window": (node("Conv", "w", first="x"), {"w": SQUARE}, "a window of 3, which is larger"),
    "bias": (node("Conv", "w", "b", first="x", pads=[1] * 4), {"w": SQUARE, "b": floats(3)}, "4 channels"),
    "auto_pad": (node("Conv", "w", first="x", auto_pad="BEST"), {"w": SQUARE}, "the auto_pad 'BEST'"),
    "transposed past its windows": (
        node("ConvTranspose", "w", first="x", output_shape=[100, 100]),
        {"w": floats(1, 4, 3, 3)},
        "does not fit an input",
    ),
    "transposed padding": (
        node("ConvTranspose", "w", first="x", output_padding=[1, 1], dilations=[2, 2]),
        {"w": floats(1, 4, 3, 3)},
        "an output padding of [1, 1]",
    ),
    "pool without kernel": (node("MaxPool", first="x"), {}, "no kernel_shape"),
    "pool of nothing": (node("MaxPool", first="x", kernel_shape=[0, 1]), {}, "kernel_shape of [0, 1]"),
    "pool of pads alone": (node("MaxPool", first="x", kernel_shape=[1, 1], pads=[1] * 4), {}, "pads of [1, 1, 1, 1]"),
    "pool that never ends": (
        node("AveragePool", first="x", kernel_shape=[2**15, 2**15], pads=[2**14] * 4),
        {},
        "steps of work",
    ),
    "even lrn": (node("LRN", first="x", size=4), {}, "the size 4"),
    "endless lrn": (node("LRN", first="x", size=2**30 + 1), {}, "steps of work"),
    "batch norm channels": (
        node("BatchNormalization", "w", "w", "w", "w", first="x"),
        {"w": floats(2)},
        "has 2 numbers as input 1, but 1 channels",
    ),
    "group norm": (node("GroupNormalization", "w", "w", first="x", num_groups=0), {"w": floats(1)}, "0 groups"),
    "resize by nothing": (
        node("Resize", "", "w", first="x"),
        {"w": np.array([1, 1, np.nan, 1], np.float32)},
        "the scale nan",
    ),
    "resize bomb": (
        node("Resize", "", "w", first="x"),
        {"w": np.array([1, 1, 30000, 30000], np.float32)},
        "elements in one tensor",
    ),
    "resize to nothing": (
        node("Resize", "", "w", first="x"),
        {"w": np.array([1, 1, 0.5, 1], np.float32)},
        "which is empty",
    ),
    "blocks of none": (node("DepthToSpace", first="x", blocksize=0), {}, "the block size 0"),
    "blocks that overflow": (node("DepthToSpace", first="x", blocksize=2**62), {}, "the block size"),
    "grid of another batch": (node("GridSample", "w", first="x"), {"w": floats(3, 1, 1, 2)}, "has a grid"),
    "det of no square": (node("Det", first="x"), {}, "takes square matrices"),
}

SEQUENCES: dict[str, tuple[NodeProto, Weights, str]] = {
    "hidden size": (
        node("LSTM", "w", "r", first="x", hidden_size=5),
        {"w": floats(1, 16, 5), "r": floats(1, 16, 4)},
        "input 1 of the shape [1, 16, 5], but must have [1, 20, 5]",
    ),
    "no hidden size": (node("GRU", "w", "w", first="x"), {"w": floats(1, 12, 5)}, "a hidden size of -1"),
    "long sequence": (
        node("RNN", "w", "r", "", "n", first="x", hidden_size=4),
        {"w": floats(1, 4, 5), "r": floats(1, 4, 4), "n": np.array([9], np.int32)},
        "a sequence that is longer than its 1 steps",
    ),
    "direction": (
        node("RNN", "w", "r", first="x", hidden_size=4, direction="sideways"),
        {"w": floats(1, 4, 5), "r": floats(1, 4, 4)},
        "the direction 'sideways'",
    ),
    "activations": (
        node("LSTM", "w", "r", first="x", hidden_size=4, activations=["Relu"]),
        {"w": floats(1, 16, 5), "r": floats(1, 16, 4)},
        "a wrong number of activations",
    ),
}


@pytest.mark.parametrize(("odd", "weights", "sentence"), FLAT.values(), ids=FLAT)
def test_node_on_a_matrix_is_refused(odd: NodeProto, weights: Weights, sentence: str) -> None:
    opset = 13 if odd.op_type in {"Split", "ReduceMean"} else 18
    assert sentence in refusal(odd, weights, opset=opset)


@pytest.mark.parametrize(("odd", "weights", "sentence"), PICTURES.values(), ids=PICTURES)
def test_node_on_a_picture_is_refused(odd: NodeProto, weights: Weights, sentence: str) -> None:
    assert sentence in refusal(odd, weights, shape=PICTURE)


@pytest.mark.parametrize(("odd", "weights", "sentence"), SEQUENCES.values(), ids=SEQUENCES)
def test_node_on_a_sequence_is_refused(odd: NodeProto, weights: Weights, sentence: str) -> None:
    assert sentence in refusal(odd, weights, shape=SEQUENCE)


@pytest.mark.parametrize("operator", ["Div", "Mod"])
def test_integers_are_divided_by_known_numbers_only(operator: str) -> None:
    """A processor ends the process where it divides an integer by zero, or the lowest one by -1."""
    whole = helper.make_node("Cast", ["code"], ["whole"], "whole", to=TensorProto.INT64)

    def divided(by: str, **weights: NDArray[Any]) -> str:
        odd = helper.make_node(operator, ["whole", by], ["out"], "odd")
        with pytest.raises(BundleError) as caught:
            check(decoder([whole, odd], weights))
        return str(caught.value)

    assert "by numbers that are not known before it runs" in divided("whole")
    assert "divides integers by zero" in divided("w", w=numbers(1, 2, 0, 4, 5))
    assert "divides integers by -1" in divided("w", w=numbers(-1))
    back = helper.make_node("Cast", ["out"], ["again"], "again", to=TensorProto.FLOAT)
    odd = helper.make_node(operator, ["whole", "w"], ["out"], "odd")
    check(decoder([whole, odd, back], {"w": numbers(3)}, feeds="again"))


@pytest.mark.parametrize(("attribute", "kind"), [("axis", 1.5), ("axis", [1]), ("axis", "1")])
def test_attribute_of_another_type_is_refused(attribute: str, kind: Any) -> None:
    assert "has the attribute 'axis' of the wrong type" in refusal(node("Softmax", **{attribute: kind}))


def test_inputs_are_as_many_as_the_operator_takes() -> None:
    assert "has 2 inputs, but takes from 1 to 1" in refusal(node("Relu", "code"))
    assert "has 1 inputs, but takes from 2 to 2" in refusal(node("Add"))
    assert "leaves out an input that it needs" in refusal(node("Add", ""))


def test_doubling_chain_is_refused() -> None:
    """Forty nodes that each join a tensor with itself: 2^40 elements from a file of two kilobytes."""
    nodes = [helper.make_node("Relu", ["code"], ["t0"])]
    nodes += [helper.make_node("Concat", [f"t{i}"] * 2, [f"t{i + 1}"], axis=1) for i in range(40)]
    with pytest.raises(BundleError, match=r"\(Concat\) brings the graph to \d+ elements in one tensor"):
        check(decoder(nodes))


def test_tensors_held_together_are_counted() -> None:
    """Each tensor is within its limit; the fifty of them are needed at the end."""
    weights = {"shape": numbers(2**22), "one": numbers(0)}
    nodes = [helper.make_node("ConstantOfShape", ["shape"], [f"t{i}"], f"fill {i}") for i in range(50)]
    nodes.append(helper.make_node("Sum", [f"t{i}" for i in range(50)], ["sum"]))
    with pytest.raises(BundleError, match="bytes held at one time; the limit is"):
        check(decoder(nodes, weights))


def test_work_of_many_nodes_is_added_up() -> None:
    weights = {"big": floats(2000, 2000)}
    nodes = [helper.make_node("MatMul", ["big", "big"], ["p0"], "product 0")]
    nodes += [helper.make_node("MatMul", [f"p{i}", "big"], [f"p{i + 1}"], f"product {i + 1}") for i in range(3)]
    with pytest.raises(BundleError, match="steps of work; the limit is"):
        check(decoder(nodes, weights))
