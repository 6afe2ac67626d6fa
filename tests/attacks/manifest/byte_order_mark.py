"""Begin with a byte order mark, which some readers skip and others do not."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.bundles import tiny
from tests.attacks.entries import load
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    bundle = tiny(folder)
    (bundle / "bundle.json").write_bytes(b"\xef\xbb\xbf" + (bundle / "bundle.json").read_bytes())
    return bundle


CASE = Attack(make, load, BundleError, "bundle.json")
