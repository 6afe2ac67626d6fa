"""Claim a canvas of 65,535 x 65,535 pixels around a frame of one."""

import io
import struct
from pathlib import Path

from PIL import Image

from tests.attacks.attack import Attack
from tests.attacks.entries import picture
from tests.attacks.pictures import saved
from vaeport.errors import ImageError


def make(folder: Path) -> Path:
    file = io.BytesIO()
    Image.new("L", (1, 1)).save(file, "GIF")
    content = file.getvalue()
    return saved(folder, "hostile.gif", content[:6] + struct.pack("<HH", 65535, 65535) + content[10:])


CASE = Attack(make, picture, ImageError, "65535x65535 pixels", after="Pillow's DecompressionBombError")
