"""Nest a type 100,000 deep, sequence of sequence of sequence: recursive readers run out of stack."""

from pathlib import Path

from tests.attacks import wire
from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import behind_graph, with_decoder_bytes
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    return with_decoder_bytes(folder, _nested)


def _nested(content: bytes) -> bytes:
    """Add a value whose TypeProto is a sequence_type (4) of an elem_type (1) of a sequence_type, and so on."""
    heads: list[bytes] = []
    size = 0
    for field in (1, 4) * 50_000:
        head = wire.tag(field, wire.LENGTH) + wire.varint(size)
        heads.append(head)
        size += len(head)
    value = wire.block(1, b"deep") + wire.block(2, b"".join(reversed(heads)))
    return behind_graph(content, wire.block(13, value))


CASE = Attack(make, load, BundleError, "deep|nest", after="CVE-2024-7254 (protobuf)")
