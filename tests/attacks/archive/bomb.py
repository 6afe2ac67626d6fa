"""Inflate 256 MB from 256 kB: an entry of zeros, compressed."""

from pathlib import Path

from tests.attacks.archives import DEFLATED, Entry, deflated, hostile, replaced
from tests.attacks.attack import Attack
from tests.attacks.entries import load
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    packed = deflated(bytes(2**28))

    def change(entries: list[Entry]) -> list[Entry]:
        return replaced(entries, "golden.npz", content=packed, method=DEFLATED, size=2**28)

    return hostile(folder, change)


CASE = Attack(make, load, BundleError, "golden.npz.* is compressed", after="42.zip")
