"""Inflate many comments of a PNG, each below a limit."""

import zlib
from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.entries import picture
from tests.attacks.pictures import chunk, png, saved
from vaeport.errors import ImageError


def make(folder: Path) -> Path:
    bomb = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(2**20 - 100), 9))
    return saved(folder, "hostile.png", png(4, 4, *[bomb] * 1000, rows=bytes(20)))


CASE = Attack(make, picture, ImageError, "hostile.png", after="CVE-2014-9601 (Pillow)")
