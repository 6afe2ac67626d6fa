"""Rearrange channels in blocks of size 0: a division by zero in the kernel."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import bomb, node
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    return bomb(folder, [node("DepthToSpace", ["honest"], ["bomb"], blocksize=0)])


CASE = Attack(make, load, BundleError, "DepthToSpace")
