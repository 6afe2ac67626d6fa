"""Claim 200,000 classes."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.bundles import tiny, with_manifest
from tests.attacks.entries import load
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    labels = [f"c{i}" for i in range(200_000)]
    return with_manifest(tiny(folder), lambda values: values.update(labels=labels))


CASE = Attack(make, load, BundleError, "labels|classes")
