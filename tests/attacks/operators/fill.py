"""Fill 8 GB with one node: ConstantOfShape."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import bomb, node
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    return bomb(folder, [node("ConstantOfShape", ["sizes"], ["bomb"])], sizes=[2**31])


CASE = Attack(make, load, BundleError, "ConstantOfShape|bomb")
