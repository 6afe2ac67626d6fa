"""onnx's ReferenceEvaluator: the operators as the standard words them, in numpy; slow, and apart from onnxruntime."""

import onnx
from onnx.reference import ReferenceEvaluator

from vaeport.contract import GRAPHS

from ..subject import Subject
from .base import Runner


class OnnxReference:
    """The standard's own evaluator."""

    name = "onnx-reference"

    def version(self) -> str:
        """Version of onnx."""
        return onnx.__version__

    def load(self, subject: Subject, graph: str) -> Runner:
        """An evaluator of the graph."""
        evaluator = ReferenceEvaluator(onnx.load_model_from_string(subject.onnx(graph)))
        names = list(GRAPHS[graph].outputs)
        return lambda inputs: dict(zip(names, evaluator.run(names, dict(inputs)), strict=True))
