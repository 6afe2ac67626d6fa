"""Let two nodes wait for each other."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import bomb, node
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    nodes = [node("Add", ["z", "second"], ["first"]), node("Identity", ["first"], ["second"])]
    return bomb(folder, [*nodes, node("Identity", ["first"], ["bomb"])])


CASE = Attack(make, load, BundleError, "second")
