"""Count to 10^9, with the numbers kept."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import bomb, node
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    nodes = [node("Range", ["first", "last", "step"], ["bomb"])]
    return bomb(folder, nodes, first=0.0, last=1e9, step=1.0)


CASE = Attack(make, load, BundleError, "Range|bomb")
