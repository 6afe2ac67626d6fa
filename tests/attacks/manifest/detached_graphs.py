"""Declare the graphs themselves detachable, and leave them out."""

import shutil
from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.bundles import tiny, with_manifest
from tests.attacks.entries import load
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    bundle = with_manifest(tiny(folder), lambda values: values["detachable"].append("fp32"))
    shutil.rmtree(bundle / "fp32")
    return bundle


CASE = Attack(make, load, BundleError, "'detachable' may name")
