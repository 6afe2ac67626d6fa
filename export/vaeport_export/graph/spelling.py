"""Spellings of a graph that every runtime reads rightly: GELU and pixel shuffles.

GELU is (x * 0.5) * (1 + erf(x / sqrt 2)) (Hendrycks and Gimpel, 2016). PyTorch's exporter writes
x * (0.5 * (1 + erf(x / sqrt 2))), at which OpenCV (4.14, 5.0) dies while it reads the file. With the 0.5 last, MNN puts
an approximation in its place. In this order both compute what is written, and onnxruntime knows it for one operator.
Halving is exact, so no bit of the answer depends on the order.

DepthToSpace in mode CRD, which is PyTorch's pixel shuffle, is said in Reshape and Transpose, which copy the same
values. Runtimes lack the operator or confuse its two modes without a word: torch-mlir, through which IREE reads ONNX,
splits the channels in the order of the other mode.
"""

from collections.abc import Sequence

import onnx
from onnx import ModelProto, NodeProto, TensorProto, helper

from vaeport.errors import CheckFailedError


def halve_gelu_first(model: ModelProto) -> None:
    """Turn every x * (0.5 * (1 + erf(x / sqrt 2))) into (x * 0.5) * (1 + erf(x / sqrt 2)).

    Args:
        model: changed in place; the names of nodes and tensors stay.
    """
    for node in model.graph.node:
        if node.op_type == "Erf":
            _halve_first(model, node)


def _halve_first(model: ModelProto, erf: NodeProto) -> None:
    one_more = _only_reader(model, erf, "Add")
    halved = one_more and _only_reader(model, one_more, "Mul")
    multiplied = halved and _only_reader(model, halved, "Mul")
    scaled = next((node for node in model.graph.node if erf.input[0] in node.output), None)
    if not (scaled and one_more and halved and multiplied) or scaled.input[0] not in multiplied.input:
        return
    x = scaled.input[0]
    half = next(name for name in halved.input if name != one_more.output[0])
    halved.input[:] = [x, half]
    multiplied.input[:] = [halved.output[0], one_more.output[0]]


def _only_reader(model: ModelProto, node: NodeProto, kind: str) -> NodeProto | None:
    """The node that alone reads an output, if it is of a kind."""
    readers = [other for other in model.graph.node if node.output[0] in other.input]
    return readers[0] if len(readers) == 1 and readers[0].op_type == kind else None


_COPIED = 0  # what Reshape takes for "as in the input", so that the batch may be of any size, none too

# One axis at a time, which onnxruntime has a fast path for: both at once take it twice as long as DepthToSpace.
_COLUMNS = (0, 1, 3, 2)  # [N, C * b, b, H * W] -> [N, C * b, H * W, b]
_ROWS = (0, 1, 3, 2, 4)  # [N, C, b, H, W * b] -> [N, C, H, b, W * b]


def spell_out_pixel_shuffles(model: ModelProto) -> None:
    """Replace every DepthToSpace of mode CRD: [N, C * b * b, H, W] -> [N, C, H * b, W * b], N being dynamic.

    Args:
        model: changed in place; what is new in it is named after the node that it replaces.

    Raises:
        CheckFailedError: channels, height or width are not fixed by the graph.
    """
    if not any(_is_pixel_shuffle(node) for node in model.graph.node):
        return
    typed = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
    sizes = {info.name: [d.dim_value for d in info.type.tensor_type.shape.dim] for info in typed.value_info}
    nodes: list[NodeProto] = []
    for node in model.graph.node:
        if not _is_pixel_shuffle(node):
            nodes.append(node)
            continue
        fixed = sizes.get(node.input[0], [])[1:]
        if len(fixed) != 3 or not all(fixed):
            raise CheckFailedError(f"node {node.name!r} shuffles pixels of an image whose size the graph does not fix")
        shapes, replacement = _spelled_out(node, fixed)
        model.graph.initializer.extend(shapes)
        nodes += replacement
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def _is_pixel_shuffle(node: NodeProto) -> bool:
    return node.op_type == "DepthToSpace" and any(one.s == b"CRD" for one in node.attribute)


def _spelled_out(node: NodeProto, fixed: Sequence[int]) -> tuple[list[TensorProto], list[NodeProto]]:
    channels, height, width = fixed
    block = next(one.i for one in node.attribute if one.name == "blocksize")
    left = channels // block**2
    (given,), (shuffled,) = node.input, node.output
    shapes = {
        f"{shuffled}_columns_apart": [left * block, block, height * width],
        f"{shuffled}_rows_apart": [left, block, height, width * block],
        shuffled: [left, height * block, width * block],
    }
    nodes = []
    for step, (name, axes) in enumerate(zip(shapes, (_COLUMNS, _ROWS, None), strict=True)):
        nodes.append(helper.make_node("Reshape", [given, f"{name}_shape"], [name], f"{node.name}_reshape_{step}"))
        if axes:
            given = f"{name}_moved"
            nodes.append(helper.make_node("Transpose", [name], [given], f"{node.name}_transpose_{step}", perm=axes))
    return [_shape(f"{name}_shape", sizes) for name, sizes in shapes.items()], nodes


def _shape(name: str, row: Sequence[int]) -> TensorProto:
    return helper.make_tensor(name, TensorProto.INT64, [1 + len(row)], [_COPIED, *row])
