"""Show one graph to readers that take the first and another to those that merge: the field `graph` stands twice."""

from pathlib import Path

import onnx

from tests.attacks import wire
from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import node, with_decoder_bytes
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    def change(content: bytes) -> bytes:
        extra = onnx.GraphProto()
        extra.node.append(node("Identity", ["z"], ["unseen"]))
        return content + wire.block(wire.GRAPH, extra.SerializeToString())

    return with_decoder_bytes(folder, change)


CASE = Attack(make, load, BundleError, "twice|more than once|repeat", after="parser differentials of protobuf")
