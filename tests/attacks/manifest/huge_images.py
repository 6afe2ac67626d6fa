"""Claim images of 16384 x 16384: a graph of 361 bytes fills them."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.bundles import tiny, with_manifest
from tests.attacks.entries import load
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    return with_manifest(tiny(folder), lambda values: values["shapes"].update(image=[1, 16384, 16384]))


CASE = Attack(make, load, BundleError, "image")
