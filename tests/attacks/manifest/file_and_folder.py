"""List one name as a file and as a folder."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.bundles import tiny, with_manifest
from tests.attacks.entries import load
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    entry = {"golden.npz/inner": {"size": 1, "sha256": "0" * 64}}
    return with_manifest(tiny(folder), lambda values: values["files"].update(entry))


CASE = Attack(make, load, BundleError, "golden.npz")
