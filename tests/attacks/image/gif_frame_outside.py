"""Put a frame of 60,000 x 60,000 pixels on a canvas of one."""

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
    frame = content.rindex(b"\x2c")
    return saved(folder, "hostile.gif", content[: frame + 5] + struct.pack("<HH", 60000, 60000) + content[frame + 9 :])


CASE = Attack(make, picture, ImageError, "60000x60000|3600000000 pixels", after="CVE-2021-25293")
