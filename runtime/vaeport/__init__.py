"""Run a vaeport bundle: a conditional VAE with a classifier, as two ONNX graphs, with numpy and onnxruntime alone.

>>> import vaeport
>>> model = vaeport.load("mnist")
>>> model.generate("7", 8, seed=3).save("sevens.png")
>>> model.classify("digit.png")[0].label
"""

import importlib
from typing import TYPE_CHECKING

from .errors import VaeportError
from .latents import latents
from .verify import verify

if TYPE_CHECKING:
    from .bundle import Bundle, open_bundle, shipped_bundles
    from .dataset import SampledDataset
    from .drawings import Drawings, Reconstruction, StyleGrid
    from .loading import load
    from .model import Model
    from .reports import VerifyReport
    from .results import AnomalyScores, Classification, Encoding, Prediction

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
    "bundle": ("Bundle", "open_bundle", "shipped_bundles"),
    "dataset": ("SampledDataset",),
    "drawings": ("Drawings", "Reconstruction", "StyleGrid"),
    "loading": ("load",),
    "model": ("Model",),
    "reports": ("VerifyReport",),
    "results": ("AnomalyScores", "Classification", "Encoding", "Prediction"),
}
"""Names by module that are imported when first asked for: who imports vaeport need not wait for what may never be used.

`latents` and `verify` are not among them: importing the modules of these names would put the modules in their place.
"""


def __getattr__(name: str) -> object:
    for module, names in _LATE.items():
        if name in names:
            value = getattr(importlib.import_module(f".{module}", __name__), name)
            globals()[name] = value
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
