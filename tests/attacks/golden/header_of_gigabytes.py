"""Claim a header of 4 GB."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.entries import verify
from tests.attacks.golden_files import npy, with_array
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    content = npy("{}", bytes(64), version=(2, 0), length=2**32 - 1)
    return with_array(folder, content=content)


CASE = Attack(make, verify, BundleError, "labels.npy")
