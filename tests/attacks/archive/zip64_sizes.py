"""Claim 2^62 bytes for an entry by the extra field of Zip64."""

import struct
from pathlib import Path

from tests.attacks.archives import Entry, hostile, replaced
from tests.attacks.attack import Attack
from tests.attacks.entries import load
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    extra = struct.pack("<HHQQ", 1, 16, 2**62, 2**62)

    def change(entries: list[Entry]) -> list[Entry]:
        return replaced(entries, "golden.npz", size=2**32 - 1, packed=2**32 - 1, extra=extra)

    return hostile(folder, change)


CASE = Attack(make, load, BundleError, "share their bytes|golden.npz")
