"""Give a tensor a name of 20 MB, which every message and every table would repeat."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import bomb, node
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    return bomb(folder, [node("Abs", ["z"], ["x" * 20_000_000])])


CASE = Attack(make, load, BundleError, "name")
