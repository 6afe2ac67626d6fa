"""Inflate 256 MB in an array that is asked for, whose header claims few bytes."""

from pathlib import Path

from tests.attacks.archives import DEFLATED, deflated
from tests.attacks.attack import Attack
from tests.attacks.entries import verify
from tests.attacks.golden_files import npy, with_array
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    header = "{'descr': '<i8', 'fortran_order': False, 'shape': (13,), }"
    content = npy(header, bytes(13 * 8))
    packed = deflated(content + bytes(2**28))
    return with_array(folder, content=packed, method=DEFLATED, size=len(content), crc=0)


CASE = Attack(make, verify, BundleError, "labels.npy")
