"""Put a folder in the place of the golden vectors."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.bundles import tiny
from tests.attacks.entries import load
from vaeport.errors import SealError


def make(folder: Path) -> Path:
    bundle = tiny(folder)
    (bundle / "golden.npz").unlink()
    (bundle / "golden.npz/inner").mkdir(parents=True)
    (bundle / "golden.npz/inner/file").write_bytes(b"x")
    return bundle


CASE = Attack(make, load, SealError, "golden.npz")
