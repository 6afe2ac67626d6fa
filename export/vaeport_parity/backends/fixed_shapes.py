"""Copies of graphs with fixed sizes, for compilers that do not carry symbolic axes through every operator."""

import importlib
from typing import Any

from .base import GraphFile, Shapes


def model_of_shapes(graph: GraphFile, shapes: Shapes | None) -> Any:
    """The graph as an onnx ModelProto, which the backend's environment must be able to import.

    Args:
        graph: the graph.
        shapes: of the inputs; None leaves symbolic axes as they are.
    """
    onnx: Any = importlib.import_module("onnx")
    model = onnx.load(graph.path)
    if shapes is None:
        return model
    for value in model.graph.input:
        for axis, size in zip(value.type.tensor_type.shape.dim, shapes[value.name], strict=True):
            axis.dim_value = size
    for value in model.graph.output:
        for axis in value.type.tensor_type.shape.dim:
            if axis.HasField("dim_param"):
                axis.ClearField("dim_param")
    del model.graph.value_info[:]
    return onnx.shape_inference.infer_shapes(model)
