"""What is compared: a sealed bundle, and the PyTorch original inside it."""

from dataclasses import dataclass

from torch import nn

from vaeport.bundle import Bundle
from vaeport.contract import FP32, GRAPHS
from vaeport_train.checkpoint import Checkpoint
from vaeport_train.trained import sealed_checkpoint

from ..graphs import graph_modules
from ..probes import PROBE_ROWS, probe_rows


@dataclass(frozen=True, eq=False)
class Subject:
    """A bundle with its PyTorch original."""

    bundle: Bundle
    """The bundle."""
    checkpoint: Checkpoint
    """The network its graphs were exported from."""

    def onnx(self, graph: str) -> bytes:
        """Content of a graph's ONNX file, in float32."""
        return self.bundle.read(GRAPHS[graph].file(FP32))

    @property
    def convolutional(self) -> bool:
        """Whether the network has convolutions, whose rows cost far more."""
        return probe_rows(self.checkpoint.network) < PROBE_ROWS

    def module(self, graph: str) -> nn.Module:
        """The PyTorch module of a graph, in float32."""
        return graph_modules(self.checkpoint.network)[graph]


def subject_of(bundle: Bundle) -> Subject:
    """Take a bundle with the checkpoint in it.

    Raises:
        InputError: the bundle came without its checkpoint, or the checkpoint is of another network.
        SealError: the checkpoint is not the one that was sealed.
    """
    return Subject(bundle, sealed_checkpoint(bundle))
