"""Give a path with a zero byte, behind which C no longer reads."""

from pathlib import Path

from tests.attacks.attack import Attack, secret_of
from tests.attacks.entries import picture
from vaeport.errors import ImageError


def make(folder: Path) -> Path:
    return Path(f"{secret_of(folder)}\0.png")


CASE = Attack(make, picture, ImageError, "image", after="null byte injection (CWE-158)")
