"""Run a vaeport bundle: a conditional VAE with a classifier, as two ONNX graphs, with numpy and onnxruntime alone.

>>> import vaeport
>>> model = vaeport.load("mnist-blog")
>>> model.generate("7", 8, seed=3).save("sevens.png")
>>> model.classify("digit.png")[0].label
"""

from .bundle import Bundle, open_bundle, shipped_bundles
from .dataset import SampledDataset
from .drawings import Drawings, Reconstruction, StyleGrid
from .errors import VaeportError
from .latents import latents
from .loading import load
from .model import Model
from .results import AnomalyScores, Classification, Encoding, Prediction
from .verify import VerifyReport, verify

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
