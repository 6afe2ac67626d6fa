"""Read a file below the working directory: a model given as bytes has no folder of its own, so paths start there."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import outside_weight, with_decoder
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    return with_decoder(folder, lambda model: outside_weight(model, "outside/secret", offset=0, length=64))


CASE = Attack(make, load, BundleError, "external data", after="onnxruntime's InferenceSession(bytes)")
