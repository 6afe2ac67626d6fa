"""Give an image of a format whose decoder nobody needs and few have looked at."""

import io
from pathlib import Path

from PIL import Image

from tests.attacks.attack import Attack
from tests.attacks.entries import picture
from tests.attacks.pictures import saved
from vaeport.errors import ImageError


def make(folder: Path) -> Path:
    file = io.BytesIO()
    Image.new("RGB", (4, 4)).save(file, "PCX")
    return saved(folder, "hostile.png", file.getvalue())


CASE = Attack(make, picture, ImageError, "known format", after="CVE-2021-25287 and 60 more in Pillow's rare decoders")
