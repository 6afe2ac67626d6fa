"""Lower precisions of an exported graph: float16 and int8, each made, judged on the task, and bounded."""

from ..options import PRECISIONS
from .gates import GATES, Gate, PrecisionFigures
from .making import LowerPrecision, chosen_precisions, convert, convert_like, make_precisions
from .material import Material

__all__ = [
    "GATES",
    "PRECISIONS",
    "Gate",
    "LowerPrecision",
    "Material",
    "PrecisionFigures",
    "chosen_precisions",
    "convert",
    "convert_like",
    "make_precisions",
]
