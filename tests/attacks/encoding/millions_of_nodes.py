"""Fill the graph with a million nodes that do nothing: a file of 10 MB takes gigabytes as objects."""

from pathlib import Path

import onnx

from tests.attacks import wire
from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import with_decoder_bytes
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    idle = wire.block(1, wire.block(1, b"z") + wire.block(2, b"") + wire.block(4, b"Abs"))

    def change(content: bytes) -> bytes:
        model = onnx.load_model_from_string(content)
        graph = model.graph.SerializeToString()
        model.ClearField("graph")
        return model.SerializeToString() + wire.block(wire.GRAPH, graph + idle * 1_000_000)

    return with_decoder_bytes(folder, change)


CASE = Attack(make, load, BundleError, "nodes")
