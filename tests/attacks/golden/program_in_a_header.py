"""Write a call where the header has a literal."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.entries import verify
from tests.attacks.golden_files import npy, with_array
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    header = "{'descr': __import__('os').system('touch outside/ran'), 'fortran_order': False, 'shape': (), }"
    return with_array(folder, content=npy(header, b""))


CASE = Attack(make, verify, BundleError, "labels.npy", after="numpy's header, a Python literal")
