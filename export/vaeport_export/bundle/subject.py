"""What is compared: a sealed bundle, and the PyTorch original inside it."""

from dataclasses import dataclass

import onnx
from google.protobuf.message import DecodeError
from torch import nn

from vaeport.bundle.folder import Bundle
from vaeport.bundle.manifest import Tolerance
from vaeport.contract import FP32, GRAPHS
from vaeport.errors import BundleError, InputError
from vaeport_train.running.checkpoint import Checkpoint
from vaeport_train.running.trained import sealed_checkpoint

from ..modules.vae import graph_modules
from .probes import PROBE_ROWS, probe_rows


@dataclass(frozen=True, eq=False)
class Subject:
    """A bundle with its PyTorch original."""

    bundle: Bundle
    """The bundle."""
    checkpoint: Checkpoint
    """The network its graphs were exported from."""
    precision: str = FP32
    """Which of the bundle's precisions is compared."""

    def onnx(self, graph: str) -> bytes:
        """Content of a graph's ONNX file."""
        return self.bundle.read(self.file(graph))

    def file(self, graph: str) -> str:
        """Path of a graph's ONNX file inside the bundle."""
        return GRAPHS[graph].file(self.precision)

    @property
    def tolerances(self) -> dict[str, dict[str, Tolerance]]:
        """Bounds on the difference from PyTorch by graph and output."""
        return self.bundle.manifest.tolerances[self.precision]

    @property
    def convolutional(self) -> bool:
        """Whether the network has convolutions, whose rows cost far more."""
        return probe_rows(self.checkpoint.network) < PROBE_ROWS

    def module(self, graph: str) -> nn.Module:
        """The PyTorch module of a graph, in float32."""
        return graph_modules(self.checkpoint.network)[graph]


def subject_of(bundle: Bundle, precision: str = FP32) -> Subject:
    """Take a bundle with the checkpoint in it.

    Raises:
        InputError: the bundle came without its checkpoint, the checkpoint is of another network, or the bundle has no
            such precision.
        BundleError: a graph's file is no ONNX model.
        SealError: the checkpoint is not the one that was sealed.
    """
    known = bundle.manifest.precisions
    if precision not in known:
        raise InputError(f"{bundle.path} has no precision {precision!r}; it has {', '.join(known)}")
    subject = Subject(bundle, sealed_checkpoint(bundle), precision)
    for graph in GRAPHS:
        try:
            onnx.load_model_from_string(subject.onnx(graph))
        except DecodeError as error:
            raise BundleError(f"{bundle.path}: {subject.file(graph)} is no ONNX model: {error}") from error
    return subject
