"""Claim 16,384 x 16,384 pixels in a WebP of a few bytes."""

import struct
from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.entries import picture
from tests.attacks.pictures import saved
from vaeport.errors import ImageError


def make(folder: Path) -> Path:
    header = b"VP8X" + struct.pack("<II", 10, 0) + (16383).to_bytes(3, "little") * 2
    body = b"WEBP" + header
    return saved(folder, "hostile.webp", b"RIFF" + struct.pack("<I", len(body)) + body)


CASE = Attack(make, picture, ImageError, "hostile.webp", after="CVE-2023-4863 (libwebp)")
