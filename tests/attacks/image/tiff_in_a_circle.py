"""Let the second directory of a TIFF be the first again."""

import struct
from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.entries import picture
from tests.attacks.pictures import saved, tiff
from vaeport.errors import ImageError


def make(folder: Path) -> Path:
    content = bytearray(tiff((256, 4, 1, 4), (257, 4, 1, 4)))
    content[-4:] = struct.pack("<I", 8)
    return saved(folder, "hostile.tif", bytes(content))


CASE = Attack(make, picture, ImageError, "hostile.tif", after="CVE-2020-35653 and other loops in headers")
