"""Claim -2^31 rows in a bitmap, whose sign says that it stands upside down."""

import struct
from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.entries import picture
from tests.attacks.pictures import saved
from vaeport.errors import ImageError


def make(folder: Path) -> Path:
    header = struct.pack("<IiiHHIIiiII", 40, 2**16, -(2**31), 1, 24, 0, 0, 0, 0, 0, 0)
    return saved(folder, "hostile.bmp", b"BM" + struct.pack("<IHHI", 54, 0, 0, 54) + header)


CASE = Attack(make, picture, ImageError, "hostile.bmp", after="Pillow's DecompressionBombError")
