"""Write half a surrogate pair in a label: no file or terminal can take it."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.bundles import tiny, with_text
from tests.attacks.entries import load
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    return with_text(tiny(folder), '"cat"', '"\\ud800"')


CASE = Attack(make, load, BundleError, "labels.*surrogate")
