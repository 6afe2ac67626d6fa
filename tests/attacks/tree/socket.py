"""Put a socket in the place of a graph."""

import os
import socket
from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.bundles import DECODER_FILE, tiny
from tests.attacks.entries import load
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    bundle = tiny(folder)
    (bundle / DECODER_FILE).unlink()
    os.chdir(bundle / DECODER_FILE.rpartition("/")[0])  # a socket's path is short
    with socket.socket(socket.AF_UNIX) as made:
        made.bind("model.onnx")
    os.chdir(folder)
    return bundle


CASE = Attack(make, load, BundleError, "fp32/decoder/model.onnx")
