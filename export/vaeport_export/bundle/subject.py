"""What is compared: the graphs of a bundle in one precision, with their original."""

from dataclasses import dataclass

import onnx
from google.protobuf.message import DecodeError
from torch import nn

from vaeport.bundle.folder import Bundle
from vaeport.bundle.manifest import Tolerance
from vaeport.contract import FP32, GRAPHS
from vaeport.errors import BundleError, InputError

from .original import Original, read_original


@dataclass(frozen=True, eq=False)
class Subject:
    """A bundle with its original."""

    bundle: Bundle
    """The bundle."""
    original: Original
    """The networks its graphs were exported from."""
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
        """Bounds on the difference from the original by graph and output."""
        return self.bundle.manifest.tolerances[self.precision]

    @property
    def convolutional(self) -> bool:
        """Whether the network has convolutions, whose rows cost far more."""
        return self.original.convolutional

    def module(self, graph: str) -> nn.Module:
        """The original of a graph as a module, in float32."""
        return self.original.module(graph)


def subject_of(bundle: Bundle, precision: str = FP32) -> Subject:
    """Take a bundle with its original in it.

    Raises:
        InputError: the bundle came without its original, the original is of another network, or the bundle has no such
            precision.
        BundleError: a graph's file is no ONNX model.
        SealError: the original is not the one that was sealed.
    """
    known = bundle.manifest.precisions
    if precision not in known:
        raise InputError(f"{bundle.path} has no precision {precision!r}; it has {', '.join(known)}")
    subject = Subject(bundle, read_original(bundle), precision)
    for graph in GRAPHS:
        try:
            onnx.load_model_from_string(subject.onnx(graph))
        except DecodeError as error:
            raise BundleError(f"{bundle.path}: {subject.file(graph)} is no ONNX model: {error}") from error
    return subject
