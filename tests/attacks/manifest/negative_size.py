"""List a file of -1 bytes, for which some readers read everything."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.bundles import tiny, with_text
from tests.attacks.entries import load
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    return with_text(tiny(folder), '"size": 7590', '"size": -1')


CASE = Attack(make, load, BundleError, "'size' must be a whole number of at least 0")
