"""Exchange two labels in the manifest: every cat becomes a dog, and every hash is right."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.bundles import tiny, with_manifest
from tests.attacks.entries import load
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    return with_manifest(tiny(folder), lambda values: values["labels"].reverse())


CASE = Attack(make, load, BundleError, "labels")
