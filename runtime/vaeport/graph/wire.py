"""The wire format of protocol buffers, read strictly: what two parsers could understand differently is refused.

Parsers of protobuf merge a message that is given twice, take the last of repeated scalars, and skip fields that they do
not know. A file that relies on any of it is made by hand, so that one reader sees what another does not.
"""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import Any

from ..errors import BundleError
from .limits import MAX_FIELDS, MAX_NAME, MAX_TEXT_BYTES


class Kind(IntEnum):
    """How a field is read, and what `read_message` puts in its slot. The repeated ones come last."""

    NAME = 0
    """A string of at most MAX_NAME bytes: str."""
    TEXT = 1
    """A string that is looked at later or never: (start, stop)."""
    SPAN = 2
    """A message or bytes: (start, stop)."""
    INT = 3
    """A signed integer of 64 bits: int."""
    FLOAT = 4
    """A float of 32 bits: float."""
    NAMES = 5
    """Repeated strings of at most MAX_NAME bytes: list of str."""
    SPANS = 6
    """Repeated messages or bytes: list of (start, stop)."""
    INTS = 7
    """Repeated integers, packed or not: list of int."""
    INTEGERS = 8
    """Repeated integers of a tensor: list of int (one that stands alone) or (start, stop) (packed, not read)."""
    FLOATS = 9
    """Repeated floats of 32 bits, packed or not: list of (start, stop)."""
    DOUBLES = 10
    """Repeated floats of 64 bits, packed or not: list of (start, stop)."""


_NAME, _FLOAT, _NAMES, _INTS = int(Kind.NAME), int(Kind.FLOAT), int(Kind.NAMES), int(Kind.INTS)
"""Plain integers: a member of an enumeration takes far longer to look up, and a file has thousands of fields."""

_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
_WIRE_TYPES: dict[Kind, tuple[int, ...]] = {
    Kind.INT: (_VARINT,),
    Kind.INTS: (_VARINT, _LENGTH),
    Kind.INTEGERS: (_VARINT, _LENGTH),
    Kind.FLOATS: (_FIXED32, _LENGTH),
    Kind.DOUBLES: (_FIXED64, _LENGTH),
    Kind.FLOAT: (_FIXED32,),
}


class Message:
    """One kind of message: its fields by number."""

    def __init__(self, name: str, fields: dict[int, Kind]) -> None:
        self.name = name
        self.slots = max(fields) + 1
        self.kinds = {
            number << 3 | wire_type: int(kind)
            for number, kind in fields.items()
            for wire_type in _WIRE_TYPES.get(kind, (_LENGTH,))
        }


class Budget:
    """How many fields may still be read from one file."""

    def __init__(self, fields: int = MAX_FIELDS) -> None:
        self.fields = fields


def read_message(data: bytes, span: tuple[int, int], message: Message, budget: Budget) -> list[Any]:
    """Read the fields of one message.

    Args:
        data: the file.
        span: first byte of the message, and the byte after its last.
        message: its kind.
        budget: shared by all messages of a file.

    Returns:
        A list with the value of each field at the index of its number, as `Kind` says; None where it is absent.

    Raises:
        BundleError: the bytes are not such a message, it has a field that is not known or not repeated but given twice,
            or the file has too many fields.
    """
    slots: list[Any] = [None] * message.slots
    kinds, left = message.kinds, budget.fields
    position, stop = span
    try:
        while position < stop:
            tag = data[position]
            position += 1
            if tag > 127:
                tag, position = _varint(data, position - 1, most=5)
            kind = kinds.get(tag)
            if kind is None:
                raise _unknown(tag, message)
            number, wire_type = tag >> 3, tag & 7
            left -= 1
            if left < 0:
                raise BundleError(f"the file has more than {MAX_FIELDS} fields, which is the limit")
            value: Any
            if wire_type == _LENGTH:
                size = data[position]
                position += 1
                if size > 127:
                    size, position = _varint(data, position - 1)
                end = position + size
                if not position <= end <= stop:
                    raise _cut(message)
                if kind in (_NAME, _NAMES):
                    if size > MAX_NAME:
                        raise BundleError(f"a name in {message.name} has {size} bytes; the limit is {MAX_NAME}")
                    value = data[position:end].decode()
                elif kind == _INTS:
                    value = read_varints(data, position, end)
                else:
                    value = (position, end)
                position = end
            elif wire_type == _VARINT:
                value = data[position]
                position += 1
                if value > 127:
                    value, position = _varint(data, position - 1)
                    value -= (value >> 63) << 64
            else:
                end = position + (4 if wire_type == _FIXED32 else 8)
                if end > stop:
                    raise _cut(message)
                value = struct.unpack_from("<f", data, position)[0] if kind == _FLOAT else (position, end)
                position = end
            if kind < _NAMES:
                if slots[number] is not None:
                    raise BundleError(f"field {number} of {message.name} is given twice")
                slots[number] = value
            elif kind == _INTS and wire_type == _LENGTH:
                if slots[number] is None:
                    slots[number] = []
                slots[number].extend(value)
            elif slots[number] is None:
                slots[number] = [value]
            else:
                slots[number].append(value)
    except IndexError:
        raise _cut(message) from None
    except UnicodeDecodeError:
        raise BundleError(f"a name in {message.name} is not UTF-8") from None
    if position != stop:
        raise _cut(message)
    budget.fields = left
    return slots


def read_varints(data: bytes, start: int, stop: int) -> list[int]:
    """Signed integers of 64 bits that stand one after the other (a packed field).

    Raises:
        BundleError: the last one does not end where the field does, or one has more than 64 bits.
    """
    values, position = [], start
    if stop - start > MAX_FIELDS:
        raise BundleError(f"a list of integers has more than {MAX_FIELDS} bytes, which is the limit")
    while position < stop:
        value = data[position]
        position += 1
        if value > 127:
            value, position = _varint(data, position - 1)
            value -= (value >> 63) << 64
        values.append(value)
    if position != stop:
        raise BundleError("the file is cut off or damaged inside a list of integers")
    return values


def read_text(data: bytes, span: tuple[int, int] | None) -> str:
    """The text of a field of kind TEXT; empty where it is absent.

    Raises:
        BundleError: too long or not UTF-8.
    """
    if span is None:
        return ""
    if span[1] - span[0] > MAX_TEXT_BYTES:
        raise BundleError(f"a text has {span[1] - span[0]} bytes; the limit is {MAX_TEXT_BYTES}")
    try:
        return data[span[0] : span[1]].decode()
    except UnicodeDecodeError:
        raise BundleError("a text is not UTF-8") from None


def quoted(text: str) -> str:
    """A text from a file, safe to print: its repr, cut at 60 characters."""
    return ascii(text if len(text) <= _QUOTED else text[:_QUOTED] + "...")


_QUOTED = 60


def _varint(data: bytes, position: int, *, most: int = 10) -> tuple[int, int]:
    """An unsigned integer and the position after it; IndexError where the file ends."""
    value = 0
    for count in range(most):
        byte = data[position + count]
        value |= (byte & 127) << (7 * count)
        if byte < 128:
            if value >= 1 << (64 if most == 10 else 32):
                break
            return value, position + count + 1
    raise BundleError("the file holds an integer that is longer than protobuf allows")


def _unknown(tag: int, message: Message) -> BundleError:
    number, wire_type = tag >> 3, tag & 7
    if any(known >> 3 == number for known in message.kinds):
        return BundleError(f"field {number} of {message.name} has the wire type {wire_type}, which does not fit it")
    return BundleError(f"{message.name} has the field {number}, which is not part of the ONNX format that is read here")


def _cut(message: Message) -> BundleError:
    return BundleError(f"the file is cut off or damaged inside {message.name}")
