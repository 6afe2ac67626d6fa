"""How onnx's ReferenceEvaluator is let compute."""

import numpy as np


def reference_arithmetic() -> np.errstate:
    """No warnings of overflow: its sigmoid takes both of its formulas everywhere, then chooses where each is sound."""
    return np.errstate(over="ignore", invalid="ignore")
