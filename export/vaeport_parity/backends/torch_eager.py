"""PyTorch itself: float32 is what the graphs must answer as, float64 what rounding is measured against."""

from dataclasses import dataclass
from typing import Any, Literal

from .base import Facts, GraphFile, Runner


@dataclass(frozen=True)
class TorchEager:
    """PyTorch in one precision."""

    dtype: Literal["float32", "float64"]
    """Precision of weights and arithmetic."""

    @property
    def facts(self) -> Facts:
        """`torch-float32` or `torch-float64`."""
        remark = "the reference" if self.dtype == "float32" else "what rounding is measured against"
        return Facts(f"torch-{self.dtype}", module="torch", from_checkpoint=True, remark=remark)

    def version(self) -> str:
        """Version of PyTorch."""
        import torch

        return torch.__version__

    def load(self, graph: GraphFile) -> Runner:
        """The module of the graph, from the checkpoint."""
        import torch

        from vaeport_export.bundle.original import torch_answers

        module, dtype = checkpoint_module(graph), getattr(torch, self.dtype)
        return lambda inputs: torch_answers(module, graph.name, inputs, dtype)


def checkpoint_module(graph: GraphFile) -> Any:
    """The PyTorch module of a graph, in float32, from the bundle's checkpoint."""
    from vaeport.bundle.folder import open_bundle
    from vaeport_export.bundle.subject import subject_of

    return subject_of(open_bundle(graph.bundle)).module(graph.name)
