"""Name a class so that it clears the terminal."""

from pathlib import Path

import numpy as np

from tests.attacks.attack import Attack
from tests.attacks.entries import load_dataset
from vaeport.errors import InputError


def make(folder: Path) -> Path:
    images, labels = np.zeros((8, 4, 4), np.uint8), np.arange(8) % 2
    np.savez(folder / "hostile.npz", images=images, labels=labels, class_names=["cat", "\x1b[2J\x1b]0;owned\x07"])
    return folder / "hostile.npz"


CASE = Attack(make, load_dataset, InputError, "no name that can be shown", after="CVE-2003-0063 and later")
