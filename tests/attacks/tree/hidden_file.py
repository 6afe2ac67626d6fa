"""Add a file that listings hide."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.bundles import tiny
from tests.attacks.entries import load
from vaeport.errors import SealError


def make(folder: Path) -> Path:
    bundle = tiny(folder)
    (bundle / "fp32/.hidden").write_bytes(b"x")
    return bundle


CASE = Attack(make, load, SealError, r"'fp32/\.hidden' is not in bundle.json")
