"""Claim a graph of nearly 2^64 bytes: a sum of offset and length wraps around."""

from pathlib import Path

from tests.attacks import wire
from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import with_decoder_bytes
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    claim = wire.tag(wire.GRAPH, wire.LENGTH) + wire.varint(2**64 - 8)
    return with_decoder_bytes(folder, lambda content: claim + content)


CASE = Attack(make, load, BundleError, "beyond|end|longer|length")
