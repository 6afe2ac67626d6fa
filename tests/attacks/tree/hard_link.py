"""Put a hard link to a file outside in the place of the golden vectors."""

from pathlib import Path

from tests.attacks.attack import Attack, secret_of
from tests.attacks.bundles import tiny
from tests.attacks.entries import load
from vaeport.errors import SealError


def make(folder: Path) -> Path:
    bundle = tiny(folder)
    (bundle / "golden.npz").unlink()
    (bundle / "golden.npz").hardlink_to(secret_of(folder))
    return bundle


CASE = Attack(make, load, SealError, "golden.npz is not the file that was sealed", after="CVE-2026-34446")
