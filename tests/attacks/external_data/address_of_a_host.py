"""Have the weights fetched: a URL in place of a path."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import outside_weight, with_decoder
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    return with_decoder(folder, lambda model: outside_weight(model, "http://127.0.0.1:9/weights"))


CASE = Attack(make, load, BundleError, "external data")
