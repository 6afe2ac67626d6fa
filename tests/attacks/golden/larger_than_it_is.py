"""Claim an array of 10^12 numbers and carry none."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.entries import verify
from tests.attacks.golden_files import npy, with_array
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    header = "{'descr': '<i8', 'fortran_order': False, 'shape': (1000000000000,), }"
    return with_array(folder, content=npy(header, b""))


CASE = Attack(make, verify, BundleError, "labels.npy.*has not the bytes")
