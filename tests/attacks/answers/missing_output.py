"""Leave the class probabilities out."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import with_encoder
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    return with_encoder(folder, lambda model: model.graph.output.pop())


CASE = Attack(make, load, BundleError, "outputs")
