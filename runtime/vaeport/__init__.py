"""Run a vaeport bundle: a conditional VAE with a classifier, as two ONNX graphs, with numpy and onnxruntime alone.

>>> import vaeport
>>> model = vaeport.load("mnist")
>>> model.generate("7", 8, seed=3).save("sevens.png")
>>> model.classify("digit.png")[0].label
"""

import importlib
from typing import TYPE_CHECKING

from .errors import VaeportError

if TYPE_CHECKING:
    from .bundle.opening import Bundle, open_bundle, shipped_bundles
    from .checks.verification import VerifyReport, verify
    from .model.answers import (
        AnomalyScores,
        Classification,
        Drawings,
        Encoding,
        Prediction,
        Reconstruction,
        StyleGrid,
    )
    from .model.dataset import SampledDataset
    from .model.latents import latents
    from .model.model import Model, load

__all__ = [
    "AnomalyScores",
    "Bundle",
    "Classification",
    "Drawings",
    "Encoding",
    "Model",
    "Prediction",
    "Reconstruction",
    "SampledDataset",
    "StyleGrid",
    "VaeportError",
    "VerifyReport",
    "latents",
    "load",
    "open_bundle",
    "shipped_bundles",
    "verify",
]

_LATE = {
    "bundle.opening": ("Bundle", "open_bundle", "shipped_bundles"),
    "checks.verification": ("VerifyReport", "verify"),
    "model.answers": (
        "AnomalyScores",
        "Classification",
        "Drawings",
        "Encoding",
        "Prediction",
        "Reconstruction",
        "StyleGrid",
    ),
    "model.dataset": ("SampledDataset",),
    "model.latents": ("latents",),
    "model.model": ("Model", "load"),
}
"""Names by module, imported when first used, so that `import vaeport` is quick."""


def __getattr__(name: str) -> object:
    for module, names in _LATE.items():
        if name in names:
            value = getattr(importlib.import_module(f".{module}", __name__), name)
            globals()[name] = value
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
