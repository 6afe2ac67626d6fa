"""Put a pipe in the place of a graph, on which a reader waits for ever."""

import os
from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.bundles import DECODER_FILE, tiny
from tests.attacks.entries import load
from vaeport.errors import SealError


def make(folder: Path) -> Path:
    bundle = tiny(folder)
    (bundle / DECODER_FILE).unlink()
    os.mkfifo(bundle / DECODER_FILE)
    return bundle


CASE = Attack(make, load, SealError, "fp32/decoder/model.onnx is no plain file")
