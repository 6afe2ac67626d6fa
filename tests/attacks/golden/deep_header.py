"""Nest a header's literal 1,500 deep: Python's own parser runs out of stack, or crashes."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.entries import verify
from tests.attacks.golden_files import npy, with_array
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    header = f"{{'descr': {'[' * 1500}{']' * 1500}, 'fortran_order': False, 'shape': (), }}"
    return with_array(folder, content=npy(header, b""))


CASE = Attack(make, verify, BundleError, "labels.npy", after="ast.literal_eval on strangers' text")
