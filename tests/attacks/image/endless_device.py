"""Give the device of endless zeros."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.entries import picture
from vaeport.errors import ImageError


def make(folder: Path) -> Path:
    return Path("/dev/zero")


CASE = Attack(make, picture, ImageError, "it is no file", targets=("/dev/zero",))
