"""From a pair of networks to two ONNX graphs in a sealed bundle, proven to answer as the networks do.

>>> from vaeport_export import export_modules
>>> export_modules(encoder, decoder, labels=["cat", "dog"], images="samples/", out="out/pets")  # doctest: +SKIP

`adapters` has small modules for networks that do not keep the contract yet.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from . import adapters
    from .pipeline import Exported
    from .sources.modules import export_modules
    from .sources.run import export_run

__all__ = ["Exported", "adapters", "export_modules", "export_run"]

_LATE = {"Exported": "pipeline", "export_modules": "sources.modules", "export_run": "sources.run"}
"""Module of each name, imported when first used: PyTorch takes seconds."""


def __getattr__(name: str) -> object:
    if name == "adapters":
        return importlib.import_module(".adapters", __name__)
    if name in _LATE:
        value = getattr(importlib.import_module(f".{_LATE[name]}", __name__), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
