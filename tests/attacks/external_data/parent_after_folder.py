"""Leave the bundle by `..` behind a folder's name, which a check of the path's beginning does not see."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import outside_weight, with_decoder
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    return with_decoder(folder, lambda model: outside_weight(model, "bundle/../outside/secret"))


CASE = Attack(make, load, BundleError, "external data", after="CVE-2024-27318")
