"""Give a file of a terabyte, without one block on the disk."""

import os
from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    (folder / "hostile.vaeport").touch()
    os.truncate(folder / "hostile.vaeport", 2**40)
    return folder / "hostile.vaeport"


CASE = Attack(make, load, BundleError, "more than 1073741824")
