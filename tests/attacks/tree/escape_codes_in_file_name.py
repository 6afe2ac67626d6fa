"""Add a file whose name clears the terminal when an error message shows it."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.bundles import tiny
from tests.attacks.entries import load
from vaeport.errors import SealError


def make(folder: Path) -> Path:
    bundle = tiny(folder)
    (bundle / "\x1b[2J\nvaeport: all is well").write_bytes(b"x")
    return bundle


CASE = Attack(make, load, SealError, r"\\x1b\[2J\\nvaeport", after="CVE-2003-0063 and later")
