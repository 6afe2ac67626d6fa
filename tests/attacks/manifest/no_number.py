"""Write NaN for a tolerance: nothing is above it."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.bundles import tiny, with_text
from tests.attacks.entries import load
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    return with_text(tiny(folder), "3.064e-06", "NaN")


CASE = Attack(make, load, BundleError, "NaN")
