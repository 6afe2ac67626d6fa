"""Put a link in the place of the golden vectors, to a file outside."""

from pathlib import Path

from tests.attacks.attack import Attack, secret_of
from tests.attacks.bundles import tiny
from tests.attacks.entries import load
from vaeport.errors import SealError


def make(folder: Path) -> Path:
    bundle = tiny(folder)
    (bundle / "golden.npz").unlink()
    (bundle / "golden.npz").symlink_to(secret_of(folder))
    return bundle


CASE = Attack(make, load, SealError, "'golden.npz' is a link", after="CVE-2026-34447")
