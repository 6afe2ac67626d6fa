"""Let a thousand entries share the same megabyte: a quine-like bomb without a quine."""

import zlib
from dataclasses import replace
from pathlib import Path

from tests.attacks.archives import Entry, hostile
from tests.attacks.attack import Attack
from tests.attacks.entries import load
from vaeport.errors import SealError


def make(folder: Path) -> Path:
    def change(entries: list[Entry]) -> list[Entry]:
        shared = Entry(b"f0", bytes(2**20))
        again = replace(shared, content=b"", size=2**20, packed=2**20, crc=zlib.crc32(bytes(2**20)), at=0)
        return [shared, *(replace(again, name=f"f{i}".encode()) for i in range(1, 1000)), *entries]

    return hostile(folder, change)


CASE = Attack(make, load, SealError, "they overlap", after="CVE-2019-13232 (Fifield's overlapping bomb)")
