"""Ask for the 10^9 largest of two numbers."""

from pathlib import Path

import numpy as np

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import bomb, node
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    return bomb(folder, [node("TopK", ["z", "k"], ["bomb", "where"])], k=np.array([10**9]))


CASE = Attack(make, load, BundleError, "TopK|bomb")
