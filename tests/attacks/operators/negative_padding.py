"""Cut more off an image than it has: sizes become negative."""

from pathlib import Path

import numpy as np

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import bomb, node
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    return bomb(folder, [node("Pad", ["honest", "pads"], ["bomb"])], pads=np.array([0, 0, -9, -9, 0, 0, -9, -9]))


CASE = Attack(make, load, BundleError, "Pad")
