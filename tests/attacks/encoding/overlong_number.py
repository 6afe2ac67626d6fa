"""Write a number in eleven bytes, one more than any number needs."""

from pathlib import Path

from tests.attacks import wire
from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import with_decoder_bytes
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    overlong = wire.tag(1, wire.VARINT) + b"\x88" + b"\x80" * 10 + b"\0"
    return with_decoder_bytes(folder, lambda content: overlong + content)


CASE = Attack(make, load, BundleError, "longer than protobuf allows")
