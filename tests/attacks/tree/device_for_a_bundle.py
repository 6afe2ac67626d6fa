"""Give the device of endless zeros for a bundle."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from vaeport.errors import BundleNotFoundError


def make(folder: Path) -> Path:
    return Path("/dev/zero")


CASE = Attack(make, load, BundleNotFoundError, "no plain file or folder", targets=("/dev/zero",))
