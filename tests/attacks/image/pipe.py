"""Give a pipe, on which a reader waits for ever."""

import os
from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.entries import picture
from vaeport.errors import ImageError


def make(folder: Path) -> Path:
    os.mkfifo(folder / "hostile.png")
    return folder / "hostile.png"


CASE = Attack(make, picture, ImageError, "it is no file")
