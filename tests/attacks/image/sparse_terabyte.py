"""Give a file of a terabyte, without one block on the disk."""

import os
from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.entries import picture
from tests.attacks.pictures import png, saved
from vaeport.errors import ImageError


def make(folder: Path) -> Path:
    path = saved(folder, "hostile.png", png(4, 4, rows=bytes(20)))
    os.truncate(path, 2**40)
    return path


CASE = Attack(make, picture, ImageError, "larger than 100000000 bytes")
