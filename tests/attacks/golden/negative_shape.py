"""Claim an array of -1 numbers."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.entries import verify
from tests.attacks.golden_files import npy, with_array
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    return with_array(folder, content=npy("{'descr': '<i8', 'fortran_order': False, 'shape': (-1,), }", b""))


CASE = Attack(make, verify, BundleError, "labels.npy")
