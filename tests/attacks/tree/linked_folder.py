"""Put a link in the place of a folder, all of its files right."""

import shutil
from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.bundles import tiny
from tests.attacks.entries import load
from vaeport.errors import SealError


def make(folder: Path) -> Path:
    bundle = tiny(folder)
    shutil.move(bundle / "fp32", folder / "outside/fp32")
    (bundle / "fp32").symlink_to(folder / "outside/fp32")
    return bundle


CASE = Attack(make, load, SealError, "'fp32' is a link", after="CVE-2026-27489")
