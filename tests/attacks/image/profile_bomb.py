"""Inflate 256 MB from the colour profile of a PNG."""

import zlib
from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.entries import picture
from tests.attacks.pictures import chunk, png, saved
from vaeport.errors import ImageError


def make(folder: Path) -> Path:
    bomb = b"icc\0\0" + zlib.compress(bytes(2**28), 9)
    return saved(folder, "hostile.png", png(4, 4, chunk(b"iCCP", bomb), rows=bytes(20)) + b"x")


CASE = Attack(make, picture, ImageError, "hostile.png", after="CVE-2014-9601 (Pillow)")
