"""Change a graph after the bundle was opened and before the graph is read."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.bundles import DECODER_FILE, ENCODER_FILE, tiny
from vaeport import open_bundle
from vaeport.errors import SealError


def make(folder: Path) -> Path:
    return tiny(folder)


def enter(bundle: Path) -> object:
    opened = open_bundle(bundle)
    (bundle / DECODER_FILE).write_bytes((bundle / ENCODER_FILE).read_bytes())
    return opened.read(DECODER_FILE)


CASE = Attack(make, enter, SealError, "is not the file that was sealed", after="races between check and use (CWE-367)")
