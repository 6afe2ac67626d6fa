"""Run a vaeport bundle: a conditional VAE with a classifier, as two ONNX graphs, with numpy and onnxruntime alone.

>>> import vaeport
>>> model = vaeport.load("mnist-blog")
>>> model.generate("7", 8, seed=3).save("sevens.png")
>>> model.classify("digit.png")[0].label
"""

from .bundle import Bundle, open_bundle, shipped_bundles
from .errors import VaeportError
from .latents import latents
from .model import Model, load
from .results import Classification, Drawings, Encoding, Prediction, Reconstruction
from .verify import VerifyReport, verify

__all__ = [
    "Bundle",
    "Classification",
    "Drawings",
    "Encoding",
    "Model",
    "Prediction",
    "Reconstruction",
    "VaeportError",
    "VerifyReport",
    "latents",
    "load",
    "open_bundle",
    "shipped_bundles",
    "verify",
]
