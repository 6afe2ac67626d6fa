"""Fill 4 GB with one node: Tile."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import bomb, node
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    return bomb(folder, [node("Tile", ["honest", "times"], ["bomb"])], times=[1, 1, 2**12, 2**12])


CASE = Attack(make, load, BundleError, "Tile|bomb")
