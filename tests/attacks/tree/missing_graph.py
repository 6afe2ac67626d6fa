"""Leave the decoder out."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.bundles import DECODER_FILE, tiny
from tests.attacks.entries import load
from vaeport.errors import SealError


def make(folder: Path) -> Path:
    bundle = tiny(folder)
    (bundle / DECODER_FILE).unlink()
    return bundle


CASE = Attack(make, load, SealError, "fp32/decoder/model.onnx is missing")
