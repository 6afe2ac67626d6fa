"""Claim 50,000 x 50,000 pixels in a PNG of 70 bytes."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.entries import picture
from tests.attacks.pictures import png, saved
from vaeport.errors import ImageError


def make(folder: Path) -> Path:
    return saved(folder, "hostile.png", png(50_000, 50_000))


CASE = Attack(make, picture, ImageError, "50000x50000 pixels", after="Pillow's DecompressionBombError")
