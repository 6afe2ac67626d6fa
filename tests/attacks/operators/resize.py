"""Enlarge the image 16,384 times."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import bomb, node
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    nodes = [node("Resize", ["honest", "", "scales"], ["bomb"], mode="nearest")]
    return bomb(folder, nodes, scales=[1.0, 1.0, 16384.0, 16384.0])


CASE = Attack(make, load, BundleError, "Resize|bomb")
