"""List 30,000 files."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.bundles import tiny, with_manifest
from tests.attacks.entries import load
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    more = {f"f{i}": {"size": 0, "sha256": "0" * 64} for i in range(30_000)}
    return with_manifest(tiny(folder), lambda values: values["files"].update(more))


CASE = Attack(make, load, BundleError, "files")
