"""Pad the image by 30,000 pixels on every side."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import bomb, node
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    return bomb(folder, [node("Pad", ["honest", "pads"], ["bomb"])], pads=[0, 0, 30000, 30000, 0, 0, 30000, 30000])


CASE = Attack(make, load, BundleError, "Pad|bomb")
