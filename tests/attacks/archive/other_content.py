"""Change a graph inside and keep every zip checksum right: the seal alone is broken."""

from pathlib import Path

from tests.attacks.archives import hostile, replaced
from tests.attacks.attack import Attack
from tests.attacks.bundles import DECODER_FILE
from tests.attacks.entries import load
from vaeport.errors import SealError


def make(folder: Path) -> Path:
    return hostile(folder, lambda entries: replaced(entries, DECODER_FILE, content=b"another"))


CASE = Attack(make, load, SealError, "fp32/decoder/model.onnx is not the file that was sealed")
