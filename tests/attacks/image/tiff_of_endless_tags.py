"""Claim a tag of 2^32 values: readers ask for memory before they look."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.entries import picture
from tests.attacks.pictures import saved, tiff
from vaeport.errors import ImageError


def make(folder: Path) -> Path:
    tags = [(256, 4, 1, 4), (257, 4, 1, 4), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1), (273, 4, 2**32 - 1, 8)]
    return saved(folder, "hostile.tif", tiff(*tags))


CASE = Attack(make, picture, ImageError, "hostile.tif", after="CVE-2021-25290 and other TIFF headers")
