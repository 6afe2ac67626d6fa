"""Claim 100,000 x 100,000 pixels in a TIFF of one directory."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.entries import picture
from tests.attacks.pictures import saved, tiff
from vaeport.errors import ImageError


def make(folder: Path) -> Path:
    tags = [(256, 4, 1, 100_000), (257, 4, 1, 100_000), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1), (273, 4, 1, 8)]
    return saved(folder, "hostile.tif", tiff(*tags, (278, 4, 1, 100_000), (279, 4, 1, 2**32 - 1)))


CASE = Attack(make, picture, ImageError, "100000x100000|strips or tiles", after="Pillow's DecompressionBombError")
