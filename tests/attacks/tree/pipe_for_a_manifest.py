"""Put a pipe in the place of the manifest."""

import os
from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.bundles import tiny
from tests.attacks.entries import load
from vaeport.errors import SealError


def make(folder: Path) -> Path:
    bundle = tiny(folder)
    (bundle / "bundle.json").unlink()
    os.mkfifo(bundle / "bundle.json")
    return bundle


CASE = Attack(make, load, SealError, "bundle.json is no plain file")
