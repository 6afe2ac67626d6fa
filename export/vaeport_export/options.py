"""What the caller of an export decides."""

import re
from dataclasses import dataclass

from vaeport.errors import InputError

from .graph.onnx_file import DEFAULT_OPSET


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
    """Lower precisions to make beside float32, of `vaeport_export.precisions.PRECISIONS`."""

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
