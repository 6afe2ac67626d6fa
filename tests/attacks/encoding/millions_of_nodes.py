"""Fill the graph with a million nodes that do nothing: a file of 10 MB takes gigabytes as objects."""

from pathlib import Path

from tests.attacks import wire
from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import behind_graph, with_decoder_bytes
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    idle = wire.block(1, wire.block(1, b"z") + wire.block(2, b"") + wire.block(4, b"Abs"))

    return with_decoder_bytes(folder, lambda content: behind_graph(content, idle * 1_000_000))


CASE = Attack(make, load, BundleError, "nodes")
