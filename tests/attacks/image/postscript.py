"""Run a program by a PostScript file, for which Pillow starts Ghostscript."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.entries import picture
from tests.attacks.pictures import saved
from vaeport.errors import ImageError


def make(folder: Path) -> Path:
    program = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 4 4\n(%pipe%touch outside/ran) (w) file\n"
    return saved(folder, "hostile.png", program)


CASE = Attack(make, picture, ImageError, "known format", after="CVE-2018-16509 (ImageTragick, Ghostscript)")
