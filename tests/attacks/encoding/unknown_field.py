"""Carry a field of a future format, which a reader of today skips and tomorrow's obeys."""

from pathlib import Path

from tests.attacks import wire
from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import with_decoder_bytes
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    return with_decoder_bytes(folder, lambda content: content + wire.block(9999, b"obey me"))


CASE = Attack(make, load, BundleError, "field 9999")
