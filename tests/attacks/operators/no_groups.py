"""Convolve in 0 groups: a division by zero in the kernel."""

from pathlib import Path

import numpy as np

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import bomb, node
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    return bomb(folder, [node("Conv", ["honest", "kernel"], ["bomb"], group=0)], kernel=np.ones((1, 1, 1, 1)))


CASE = Attack(make, load, BundleError, "Conv")
