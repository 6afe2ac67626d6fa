"""Inflate a gigabyte of zeros, every header right: three million golden rows."""

import io
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np

from tests.attacks.archives import DEFLATED, Entry, deflated
from tests.attacks.attack import Attack
from tests.attacks.entries import verify
from tests.attacks.golden_files import npy, with_arrays
from vaeport.errors import BundleError

ROWS = 3_000_000


def make(folder: Path) -> Path:
    return with_arrays(folder, lambda entries: [_enlarged(entry) for entry in entries])


def _enlarged(entry: Entry) -> Entry:
    """The same array with many more rows, all zero."""
    array = np.load(io.BytesIO(entry.content))
    header = f"{{'descr': '{array.dtype.str}', 'fortran_order': False, 'shape': {(ROWS, *array.shape[1:])}, }}"
    whole = npy(header, bytes(ROWS * array[0].nbytes))
    return replace(entry, content=deflated(whole, level=1), method=DEFLATED, size=len(whole), crc=zlib.crc32(whole))


CASE = Attack(make, verify, BundleError, "more than 268435456", after="42.zip, numpy.load")
