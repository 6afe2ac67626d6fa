"""Unpack a file to a parent folder on Windows."""

from pathlib import Path

from tests.attacks.archives import Entry, hostile
from tests.attacks.attack import Attack
from tests.attacks.entries import load
from vaeport.errors import SealError


def make(folder: Path) -> Path:
    return hostile(folder, lambda entries: [*entries, Entry(b"..\\outside\\secret", b"overwritten")])


CASE = Attack(make, load, SealError, "secret' is not in bundle.json", after="zip slip on Windows")
