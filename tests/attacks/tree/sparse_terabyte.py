"""Put a file of a terabyte, without one block on the disk, in the place of a graph."""

import os
from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.bundles import DECODER_FILE, tiny
from tests.attacks.entries import load
from vaeport.errors import SealError


def make(folder: Path) -> Path:
    bundle = tiny(folder)
    os.truncate(bundle / DECODER_FILE, 2**40)
    return bundle


CASE = Attack(make, load, SealError, "fp32/decoder/model.onnx is not the file that was sealed")
