"""Draw one pixel every 20,000: the stride of a transposed convolution."""

from pathlib import Path

import numpy as np

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import bomb, node
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    made = node("ConvTranspose", ["honest", "kernel"], ["bomb"], strides=[20000, 20000])
    return bomb(folder, [made], kernel=np.ones((1, 1, 1, 1)))


CASE = Attack(make, load, BundleError, "ConvTranspose|bomb")
