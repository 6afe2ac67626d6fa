"""What a planted defect and a harmless rewrite are."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from vaeport.contract import FP32

Plant = Callable[[Path], Sequence[str] | None]
"""Changes a copy of a base, a folder, in place; a bundle is sealed anew afterwards. It may give more names that lead to
the place, where they are known only then."""

BLOG, CONV, SHIPPED = "blog", "conv", "mnist"
"""Bases that are bundles: models/mnist-blog; a small convolutional network on digits; models/mnist."""


@dataclass(frozen=True)
class Defect:
    """One thing that makes a bundle or a graph wrong."""

    name: str
    """What is wrong, in words."""
    base: str
    """`blog`, `conv`, `mnist`, or the name of a network of `tests/foreign`, whose folder holds `graph.onnx`."""
    plant: Plant
    """Puts it in."""
    where: tuple[str, ...]
    """Names that lead to it, of the changed node, weight, file or claim: a text's first name must be one of them."""
    precision: str = FP32
    """The precision that is compared."""
    trusted: bool = False
    """Whether the bundle has to be opened as one of a trusted author: it holds control flow."""
    refused: bool = False
    """Whether refusing to open the bundle, with a sentence that names the place, counts as caught."""

    @property
    def key(self) -> str:
        """Base, precision and name: unique in the suite."""
        return f"{self.base} {self.precision}: {self.name}"


@dataclass(frozen=True)
class Rewrite:
    """One change that leaves every answer right but for rounding."""

    name: str
    """What was done, in words."""
    base: str
    """As of `Defect`."""
    plant: Plant
    """Does it."""
    precision: str = FP32
    """The precision that is compared."""
    trusted: bool = False
    """Whether the bundle has to be opened as one of a trusted author."""
    needs: str = ""
    """Package that does it, where that is not everybody's."""

    @property
    def key(self) -> str:
        """Base, precision and name: unique in the suite."""
        return f"{self.base} {self.precision}: {self.name}"
