"""PyTorch itself: float32 is what the graphs must answer as, float64 what rounding is measured against."""

from dataclasses import dataclass
from typing import Literal

import torch

from ...golden import torch_answers
from ..subject import Subject
from .base import Runner


@dataclass(frozen=True)
class TorchEager:
    """PyTorch in one precision."""

    dtype: Literal["float32", "float64"]
    """Precision of weights and arithmetic."""

    @property
    def name(self) -> str:
        """`torch-float32` or `torch-float64`."""
        return f"torch-{self.dtype}"

    def version(self) -> str:
        """Version of PyTorch."""
        return torch.__version__

    def load(self, subject: Subject, graph: str) -> Runner:
        """The module of the graph."""
        module, dtype = subject.module(graph), getattr(torch, self.dtype)
        return lambda inputs: torch_answers(module, graph, inputs, dtype)
