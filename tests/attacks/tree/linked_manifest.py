"""Put a link in the place of the manifest."""

import shutil
from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.bundles import tiny
from tests.attacks.entries import load
from vaeport.errors import SealError


def make(folder: Path) -> Path:
    bundle = tiny(folder)
    shutil.move(bundle / "bundle.json", folder / "outside/bundle.json")
    (bundle / "bundle.json").symlink_to(folder / "outside/bundle.json")
    return bundle


CASE = Attack(make, load, SealError, "bundle.json is a link")
