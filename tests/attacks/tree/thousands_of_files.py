"""Add 10,000 files: a careless walk lists a whole disk before it says no."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.bundles import tiny
from tests.attacks.entries import load
from vaeport.errors import SealError


def make(folder: Path) -> Path:
    bundle = tiny(folder)
    for number in range(10_000):
        (bundle / f"f{number}").touch()
    return bundle


CASE = Attack(make, load, SealError, "more than 4096 files")
