"""Write a manifest of 64 MB, most of it blanks."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.bundles import manifest_text, tiny, write_manifest
from tests.attacks.entries import load
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    bundle = tiny(folder)
    return write_manifest(bundle, manifest_text(bundle) + " " * 2**26)


CASE = Attack(make, load, BundleError, "larger than")
