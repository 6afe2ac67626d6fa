"""Let the directory's end point behind the end of the file."""

import struct
from pathlib import Path

from tests.attacks.archives import hostile_bytes
from tests.attacks.attack import Attack
from tests.attacks.entries import load
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    def change(content: bytes) -> bytes:
        end = content.rindex(b"PK\5\6")
        return content[: end + 16] + struct.pack("<I", 2**31) + content[end + 20 :]

    return hostile_bytes(folder, change)


CASE = Attack(make, load, BundleError, "bytes before, between or behind its entries|no zip that can be read")
