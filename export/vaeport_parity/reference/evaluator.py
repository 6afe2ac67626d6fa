"""How onnx's ReferenceEvaluator is let compute."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from onnx import ModelProto

_QUANTISED = 19  # the first opset whose QuantizeLinear the evaluator has


def reference_arithmetic() -> np.errstate:
    """No warnings of overflow: its sigmoid takes both of its formulas everywhere, then chooses where each is sound."""
    return np.errstate(over="ignore", invalid="ignore")


def evaluable(model: "ModelProto") -> "ModelProto":
    """A graph that the evaluator knows all operators of: changed in place where it is quantised, and returned.

    QuantizeLinear and DequantizeLinear of opset 18 do the same in 19, where they only take more types.
    """
    if any(node.op_type == "QuantizeLinear" for node in model.graph.node):
        for entry in model.opset_import:
            if entry.domain in ("", "ai.onnx"):
                entry.version = max(entry.version, _QUANTISED)
    return model
