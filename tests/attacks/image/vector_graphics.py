"""Fetch a file by a picture that names it."""

from pathlib import Path

from tests.attacks.attack import Attack, secret_of
from tests.attacks.entries import picture
from tests.attacks.pictures import saved
from vaeport.errors import ImageError


def make(folder: Path) -> Path:
    drawing = f'<svg xmlns="http://www.w3.org/2000/svg"><image href="file://{secret_of(folder)}"/></svg>'
    return saved(folder, "hostile.png", drawing.encode())


CASE = Attack(make, picture, ImageError, "known format", after="CVE-2016-3714 (ImageTragick)")
