"""Protobuf's wire format by hand: what onnx's own classes would never write."""

from __future__ import annotations

VARINT, FIXED64, LENGTH, GROUP, END_GROUP, FIXED32 = range(6)

GRAPH = 7
"""Field of a ModelProto."""


def varint(value: int) -> bytes:
    """A number in groups of seven bits."""
    made = bytearray()
    while value > 0x7F:
        made.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*made, value])


def tag(field: int, kind: int) -> bytes:
    """Number and wire type of a field."""
    return varint(field << 3 | kind)


def number(field: int, value: int) -> bytes:
    """A field with a number."""
    return tag(field, VARINT) + varint(value)


def block(field: int, content: bytes) -> bytes:
    """A field with bytes, a text or a message."""
    return tag(field, LENGTH) + varint(len(content)) + content
