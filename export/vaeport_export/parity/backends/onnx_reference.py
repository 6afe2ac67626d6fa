"""onnx's ReferenceEvaluator: the operators as the standard words them, in numpy; slow, and apart from onnxruntime."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .base import Facts, GraphFile, Runner


class OnnxReference:
    """The standard's own evaluator."""

    facts = Facts("onnx-reference", module="onnx", slow=True, remark="the standard's own words, in numpy")

    def version(self) -> str:
        """Version of onnx."""
        import onnx

        return onnx.__version__

    def load(self, graph: GraphFile) -> Runner:
        """An evaluator of the graph."""
        import onnx
        from onnx.reference import ReferenceEvaluator

        evaluator = ReferenceEvaluator(onnx.load(graph.path))
        names = list(graph.outputs)

        def run(inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
            # Its sigmoid takes both of its formulas everywhere and then chooses; the one not chosen may overflow.
            with np.errstate(over="ignore", invalid="ignore"):
                return dict(zip(names, evaluator.run(names, dict(inputs)), strict=True))

        return run
