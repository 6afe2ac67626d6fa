"""Tensors inside a graph: what they should be, the graph cut off behind one, and what an error in one leads to."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto
from onnx.reference import ReferenceEvaluator

from vaeport.checks.comparison import max_abs_error

from ..reference.evaluator import doubled, reference_arithmetic

Values = dict[str, NDArray[Any]]

_NARROW = (TensorProto.FLOAT, TensorProto.FLOAT16)


class ExactGraph:
    """A graph on one batch of inputs, computed in float64 by onnx's ReferenceEvaluator."""

    def __init__(self, model: ModelProto, inputs: Mapping[str, NDArray[Any]]) -> None:
        """Compute every tensor.

        Args:
            model: the graph in float32 or float16, with inferred shapes.
            inputs: a batch, by input name.
        """
        self._double = doubled(model)
        self._inputs = {name: values.astype(np.float64) for name, values in inputs.items()}
        self.values = reference_values(self._double, self._inputs)
        """Every tensor by name."""

    def effect(self, tensor: str, given: NDArray[Any], output: str) -> float:
        """Error of an output that follows from one tensor alone: the rest of the graph is computed exactly.

        Args:
            tensor: name of the tensor.
            given: what a backend has there.
            output: name of the output.
        """
        if tensor == output or not np.isfinite(given).all():
            return max_abs_error(given, self.values[tensor])
        rest = onnx.utils.Extractor(self._double).extract_model([*self._inputs, tensor], [output])
        with reference_arithmetic():
            (answer,) = ReferenceEvaluator(rest).run([output], {**self._inputs, tensor: given.astype(np.float64)})
        return max_abs_error(np.asarray(answer), self.values[output])


def reference_values(model: ModelProto, inputs: Mapping[str, NDArray[Any]]) -> Values:
    """Every tensor of a graph by name, as onnx's ReferenceEvaluator computes it."""
    with reference_arithmetic():
        values = ReferenceEvaluator(model).run(None, dict(inputs), intermediate=True)
    return {name: np.asarray(value) for name, value in values.items() if value is not None}  # type: ignore[union-attr]


def cut_off(model: ModelProto, tensor: str) -> ModelProto:
    """The part of a graph that leads to a tensor, as its only output; it keeps its name, inputs and metadata.

    Args:
        model: the graph, with inferred shapes.
        tensor: name of a tensor in it.
    """
    part = onnx.utils.Extractor(model).extract_model([info.name for info in model.graph.input], [tensor])
    part.graph.name = model.graph.name
    part.metadata_props.extend(model.metadata_props)
    part.producer_name, part.producer_version = model.producer_name, model.producer_version
    return part
