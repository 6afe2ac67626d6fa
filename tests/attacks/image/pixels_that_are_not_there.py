"""Claim 7,000 x 7,000 pixels, which is allowed, and carry none."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.entries import picture
from tests.attacks.pictures import png, saved
from vaeport.errors import ImageError


def make(folder: Path) -> Path:
    return saved(folder, "hostile.png", png(7_000, 7_000))


CASE = Attack(make, picture, ImageError, "cannot read .*hostile.png")
