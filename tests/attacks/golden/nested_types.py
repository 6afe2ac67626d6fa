"""Claim a structured type of 10^9 fields by repetition."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.entries import verify
from tests.attacks.golden_files import npy, with_array
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    header = "{'descr': [('a', [('b', '<f8', (1000, 1000))], (1000,))], 'fortran_order': False, 'shape': (13,), }"
    return with_array(folder, content=npy(header, b""))


CASE = Attack(make, verify, BundleError, "labels.npy")
