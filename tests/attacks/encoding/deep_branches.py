"""Nest a graph in a graph 1,000 deep, each the branch of an If."""

from pathlib import Path

from tests.attacks import wire
from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import behind_graph, with_decoder_bytes
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    inner = b""
    for _ in range(1_000):
        attribute = wire.block(1, b"then_branch") + wire.block(6, inner) + wire.number(20, 5)
        branch = wire.block(1, b"yes") + wire.block(2, b"out") + wire.block(4, b"If") + wire.block(5, attribute)
        inner = wire.block(1, branch)
    return with_decoder_bytes(folder, lambda content: behind_graph(content, inner))


CASE = Attack(make, load, BundleError, "deep|nest|If")
