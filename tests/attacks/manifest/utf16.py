"""Write the manifest in UTF-16, as some editors do, and with other bytes behind every letter."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.bundles import tiny
from tests.attacks.entries import load
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    bundle = tiny(folder)
    (bundle / "bundle.json").write_bytes((bundle / "bundle.json").read_text(encoding="utf-8").encode("utf-16"))
    return bundle


CASE = Attack(make, load, BundleError, "bundle.json")
