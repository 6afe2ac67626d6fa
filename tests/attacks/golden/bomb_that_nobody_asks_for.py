"""Inflate a gigabyte by one more array in the golden file, which numpy.load would read with the others.

It is not refused: nobody reads the array.
"""

import zlib
from pathlib import Path

from tests.attacks.archives import DEFLATED, Entry
from tests.attacks.attack import Attack
from tests.attacks.entries import verify
from tests.attacks.golden_files import npy, with_arrays

SIZE = 2**30


def make(folder: Path) -> Path:
    head = npy(f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({SIZE},), }}", b"")
    packer = zlib.compressobj(1, zlib.DEFLATED, -15)
    parts = [packer.compress(head), *(packer.compress(bytes(2**24)) for _ in range(SIZE // 2**24)), packer.flush()]
    bomb = Entry(b"bomb.npy", b"".join(parts), method=DEFLATED, size=len(head) + SIZE, crc=0)
    return with_arrays(folder, lambda entries: [*entries, bomb])


CASE = Attack(make, verify, None, "holds|VerifyReport", after="42.zip, numpy.load")
