"""List a second stream of a file, which NTFS hides."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.bundles import tiny, with_text
from tests.attacks.entries import load
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    entry = f'"files": {{"golden.npz:hidden": {{"size": 1, "sha256": "{"0" * 64}"}},'
    return with_text(tiny(folder), '"files": {', entry)


CASE = Attack(make, load, BundleError, "is no plain path", after="alternate data streams of NTFS")
