"""Put a file of a terabyte in the place of the manifest."""

import os
from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.bundles import tiny
from tests.attacks.entries import load
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    bundle = tiny(folder)
    os.truncate(bundle / "bundle.json", 2**40)
    return bundle


CASE = Attack(make, load, BundleError, "bundle.json is larger than")
