"""Small decoders of the tiny bundle's sizes, clean or hostile, and the check that they must pass or fail."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from vaeport.contract import DECODER, GRAPHS, Shapes, graph_metadata
from vaeport.graph.checking import CheckedGraph, check_graph

LABELS = ("cat", "dog", "owl")
SHAPES = Shapes((1, 4, 4), 2, len(LABELS))
DECODER_SPEC = GRAPHS[DECODER]

Change = Callable[[onnx.ModelProto], object]


def decoder(
    nodes: Sequence[onnx.NodeProto] = (),
    weights: Mapping[str, NDArray[Any]] | None = None,
    *,
    opset: int = 18,
    ir_version: int = 8,
    feeds: str = "code",
) -> onnx.ModelProto:
    """A decoder with further nodes between its parts.

    The tensors in front of the nodes are `z`, `class_probs` and `code` [batch, 5]; the one after them, named by
    `feeds`, must be [batch, 5] too.
    """
    rng = np.random.default_rng(0)
    constants: dict[str, NDArray[Any]] = {
        "weight": rng.standard_normal((5, 16)).astype(np.float32),
        "bias": np.zeros(16, np.float32),
        "image.shape": np.array([0, 1, 4, 4], np.int64),
        **(weights or {}),
    }
    graph = helper.make_graph(
        [
            helper.make_node("Concat", ["z", "class_probs"], ["code"], "join", axis=1),
            *nodes,
            helper.make_node("Gemm", [feeds, "weight", "bias"], ["logits"], "product"),
            helper.make_node("Sigmoid", ["logits"], ["flat"], "squash"),
            helper.make_node("Reshape", ["flat", "image.shape"], ["image"], "picture"),
        ],
        "decoder",
        [_value(name) for name in DECODER_SPEC.inputs],
        [_value(name) for name in DECODER_SPEC.outputs],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=ir_version)
    helper.set_model_props(model, graph_metadata(DECODER_SPEC, bundle="tiny", labels=LABELS, shapes=SHAPES))
    return model


def check(model: onnx.ModelProto | bytes, *, rows: int = 256, trusted: bool = False) -> CheckedGraph:
    """Check it as the decoder of a bundle of these sizes."""
    content = model if isinstance(model, bytes) else model.SerializeToString()
    return check_graph(content, DECODER_SPEC, bundle="tiny", labels=LABELS, shapes=SHAPES, rows=rows, trusted=trusted)


def _value(name: str) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", *SHAPES.row(name)])
