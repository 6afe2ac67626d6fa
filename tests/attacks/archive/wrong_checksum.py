"""Change an entry's bytes and leave the checksum."""

from pathlib import Path

from tests.attacks.archives import hostile, replaced
from tests.attacks.attack import Attack
from tests.attacks.entries import load
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    return hostile(folder, lambda entries: replaced(entries, "golden.npz", crc=1))


CASE = Attack(make, load, BundleError, "golden.npz")
