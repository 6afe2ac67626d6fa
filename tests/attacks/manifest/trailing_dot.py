"""List a file whose name ends in a dot, which Windows takes for the one without."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.bundles import tiny, with_file
from tests.attacks.entries import load
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    return with_file(tiny(folder), "golden.npz.", b"x")


CASE = Attack(make, load, BundleError, "golden.npz\\.")
