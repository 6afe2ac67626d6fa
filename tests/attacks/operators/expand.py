"""Fill 4 GB with one node: Expand, to a shape that is an input of the node."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import bomb, node
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    return bomb(folder, [node("Expand", ["one", "sizes"], ["bomb"])], one=[1.0], sizes=[2**15, 2**15])


CASE = Attack(make, load, BundleError, "Expand|bomb")
