"""State the IR version twice: the last one counts for protobuf, the first one for quick readers."""

from pathlib import Path

from tests.attacks import wire
from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import with_decoder_bytes
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    return with_decoder_bytes(folder, lambda content: content + wire.number(1, 8))


CASE = Attack(make, load, BundleError, "twice|more than once|repeat", after="parser differentials of protobuf")
