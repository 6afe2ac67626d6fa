"""What the caller of an export decides."""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vaeport.errors import InputError

DEFAULT_OPSET = 18
OPSETS = range(18, 24)
"""Opsets that can be written."""

PRECISIONS = ("fp16", "int8")
"""What can be made beside fp32."""


@dataclass(frozen=True)
class ExportOptions:
    """What the caller decides about a bundle."""

    name: str
    """Name of the bundle: letters, digits, `.`, `_` and `-`."""
    version: str = "1"
    """Version of the bundle."""
    description: str = ""
    """One sentence; empty for one made from the run."""
    opset: int = DEFAULT_OPSET
    """ONNX operator set."""
    replace: bool = False
    """Whether a bundle that stands in the place may be replaced."""
    precisions: tuple[str, ...] = ()
    """Lower precisions to make beside float32, of `PRECISIONS`."""

    @classmethod
    def of(cls, out: str | os.PathLike[str], *, name: str | None, **others: Any) -> "ExportOptions":
        """Options with the name of the folder where no other is given, checked."""
        options = cls(Path(out).absolute().name if name is None else name, **others)
        options.check()
        return options

    def check(self) -> None:
        """Refuse what a bundle cannot be called or cannot say.

        Raises:
            InputError: says what and why.
        """
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", self.name):
            raise InputError(f"bundle name is {self.name!r}, but must be of letters, digits, '.', '_' and '-'")
        for what, text in (("version", self.version), ("description", self.description)):
            if not text.isprintable():
                raise InputError(f"the bundle's {what} has characters that cannot be shown; give plain text")
        if self.opset not in OPSETS:
            raise InputError(f"opset is {self.opset}, but must be from {OPSETS.start} to {OPSETS.stop - 1}")
        if unknown := [each for each in self.precisions if each not in PRECISIONS]:
            raise InputError(f"unknown precision {unknown[0]!r}; beside fp32 there are {', '.join(PRECISIONS)}")
