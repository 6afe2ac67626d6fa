"""Answer differently every time."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import bomb, node
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    return bomb(folder, [node("RandomNormal", [], ["bomb"], shape=[4, 4])])


CASE = Attack(make, load, BundleError, "RandomNormal")
