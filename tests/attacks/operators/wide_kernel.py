"""Pool with a kernel of 10^9 pixels, most of them padding."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import bomb, node
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    made = node("AveragePool", ["honest"], ["bomb"], kernel_shape=[30000, 30000], pads=[29999] * 4, strides=[1, 1])
    return bomb(folder, [made])


CASE = Attack(make, load, BundleError, "AveragePool|bomb")
