"""List a file of 10^18 bytes, for which some readers ask for memory at once."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.bundles import tiny, with_text
from tests.attacks.entries import load
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    return with_text(tiny(folder), '"size": 7590', '"size": 1000000000000000000')


CASE = Attack(make, load, BundleError, "golden.npz|size")
