"""Write the graph's field as a number: protobuf takes it for an unknown field and goes on."""

from pathlib import Path

from tests.attacks import wire
from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import with_decoder_bytes
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    return with_decoder_bytes(folder, lambda content: content + wire.number(wire.GRAPH, 1))


CASE = Attack(make, load, BundleError, "wire type")
