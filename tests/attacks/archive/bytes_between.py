"""Hide bytes between two entries, where no directory names them."""

import struct
from pathlib import Path

from tests.attacks.archives import Entry, hostile
from tests.attacks.attack import Attack
from tests.attacks.entries import load
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    def change(entries: list[Entry]) -> list[Entry]:
        hidden = Entry(b"hidden", b"hidden" * 100)
        return [hidden, *entries]

    path = hostile(folder, change)
    content = path.read_bytes()
    end = content.rindex(b"PK\5\6")
    count, start = struct.unpack_from("<H", content, end + 8)[0] - 1, struct.unpack_from("<I", content, end + 16)[0]
    first = start + 46 + len(b"hidden")
    tail = struct.pack("<HHHHIIH", 0, 0, count, count, end - first, first, 0)
    path.write_bytes(content[:end] + b"PK\5\6" + tail)
    return path


CASE = Attack(make, load, BundleError, "bytes|directory|between", after="polyglot files")
