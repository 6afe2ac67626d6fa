"""Does an ONNX graph answer as what it was made from, on every runtime?

`check` compares a graph with a PyTorch module, an exported program, another ONNX file or recorded answers, and gives a
`Report`. Both are imported when they are first used: `import vaeport_parity` is quick, and works where PyTorch is not
installed.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .checking import check as check
    from .reporting.report import Report as Report

__all__ = ["Report", "check"]

_HOMES = {"check": "checking", "Report": "reporting.report"}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used.

    Raises:
        AttributeError: no such name.
        MissingExtraError: a package that it needs is not installed.
    """
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from vaeport.common.extras import needs_extra

    with needs_extra("export"):
        module = importlib.import_module(f".{_HOMES[name]}", __name__)
    value = getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
