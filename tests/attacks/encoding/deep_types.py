"""Nest a type 100,000 deep, sequence of sequence of sequence: recursive readers run out of stack."""

import onnx
from pathlib import Path
from tests.attacks import wire
from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import with_decoder_bytes
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    def change(content: bytes) -> bytes:
        nested = b""
        for _ in range(100_000):
            nested = wire.block(4, wire.block(1, nested))  # a TypeProto's sequence_type, its elem_type
        value = wire.block(1, b"deep") + wire.block(2, nested)
        return content + wire.block(wire.GRAPH, wire.block(13, value))

    return with_decoder_bytes(folder, _quickly)


def _quickly(content: bytes) -> bytes:
    """From inside out, joined once: the lengths first, then the bytes."""
    heads: list[bytes] = []
    size = 0
    for field in (1, 4) * 50_000:
        head = wire.tag(field, wire.LENGTH) + wire.varint(size)
        heads.append(head)
        size += len(head)
    value = wire.block(1, b"deep") + wire.block(2, b"".join(reversed(heads)))
    model = onnx.load_model_from_string(content)
    graph = model.graph.SerializeToString()
    model.ClearField("graph")
    return model.SerializeToString() + wire.block(wire.GRAPH, graph + wire.block(13, value))


CASE = Attack(make, load, BundleError, "deep|nest", after="CVE-2024-7254 (protobuf)")
