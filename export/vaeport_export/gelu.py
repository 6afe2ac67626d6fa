"""GELU in an order that runtimes read rightly: (x * 0.5) * (1 + erf(x / sqrt 2)) (Hendrycks and Gimpel, 2016).

PyTorch's exporter writes x * (0.5 * (1 + erf(x / sqrt 2))), at which OpenCV (4.14, 5.0) dies while it reads the file.
With the 0.5 last, MNN puts an approximation in its place. In this order both compute what is written, and onnxruntime
knows it for one operator. Halving is exact, so no bit of the answer depends on the order.
"""

from onnx import ModelProto, NodeProto


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
