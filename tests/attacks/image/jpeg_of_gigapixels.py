"""Claim 65,500 x 65,500 pixels in a JPEG."""

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
    Image.new("L", (8, 8)).save(file, "JPEG")
    content = file.getvalue()
    frame = content.index(b"\xff\xc0") + 5
    return saved(folder, "hostile.jpg", content[:frame] + struct.pack(">HH", 65500, 65500) + content[frame + 4 :])


CASE = Attack(make, picture, ImageError, "65500x65500 pixels", after="Pillow's DecompressionBombError")
