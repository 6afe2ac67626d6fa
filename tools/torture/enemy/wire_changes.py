"""Changes to protobuf's wire format: what the classes that protoc makes would never write, and readers disagree about.

The format is that of protobuf.dev's page "Encoding": a message is tags (field number x 8 + wire type) and values.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from .byte_changes import changed

_VARINT, _FIXED64, _BYTES, _GROUP, _END_GROUP, _FIXED32 = 0, 1, 2, 3, 4, 5
_SIZES = {_FIXED64: 8, _FIXED32: 4}
_DEEPEST = 9
_NASTY = (0, 1, 127, 128, 2**31 - 1, 2**31, 2**32, 2**63 - 1, 2**63, 2**64 - 1)


@dataclass(frozen=True)
class _Field:
    number: int
    wire: int
    value: bytes
    """Content of a BYTES field without its length, else the value as it stands in the file."""

    def written(self) -> bytes:
        length = varint(len(self.value)) if self.wire == _BYTES else b""
        return varint(self.number << 3 | self.wire) + length + self.value


def varint(value: int, padding: int = 0) -> bytes:
    """A number as protobuf writes it; with padding longer than it need be."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    for _ in range(padding):
        out[-1] |= 0x80
        out.append(0)
    return bytes(out)


def change_wire(content: bytes, dice: random.Random, depth: int = 0) -> bytes:
    """Another message than this one: changed in one field, at any depth.

    Args:
        content: a message.
        dice: random numbers of this case.
        depth: messages around this one.
    """
    fields = _split(content)
    if not fields:
        return changed(content, dice)
    place = dice.randrange(len(fields))
    one = fields[place]
    if one.wire == _BYTES and depth < _DEEPEST and dice.random() < 0.75:
        inner = change_wire(one.value, dice, depth + 1)
        return _joined([*fields[:place], replace(one, value=inner), *fields[place + 1 :]])
    return _bent(fields, place, dice)


def _bent(fields: list[_Field], place: int, dice: random.Random) -> bytes:
    one, before, after = fields[place], fields[:place], fields[place + 1 :]
    other = dice.choice(fields)
    kind = dice.randrange(14)
    if kind == 0:
        return _joined([*before, *after])
    if kind == 1:
        return _joined([*before, one, one, *after])
    if kind == 2:
        return _joined([*before, *after, one])
    if kind == 3:
        return _joined([*before, other, one, *after])
    if kind == 4:
        number = dice.choice((one.number + 1, one.number + 8, dice.randrange(1, 40), 0, 536870911, 19000))
        return _joined([*before, replace(one, number=number), *after])
    if kind == 5:
        return _joined([*before, replace(one, wire=dice.choice((0, 1, 2, 3, 4, 5, 6, 7))), *after])
    if kind == 6:
        return _joined([*before, replace(one, value=varint(dice.choice(_NASTY)), wire=_VARINT), *after])
    if kind == 7:
        return _joined([*before, replace(one, value=changed(one.value, dice)), *after])
    if kind == 8:
        return _joined([*before, replace(one, value=other.value), *after])
    if kind == 9:  # a number longer than it need be
        tag = varint(one.number << 3 | one.wire, dice.choice((1, 4, 9, 10)))
        return _joined(before) + tag + one.written()[len(varint(one.number << 3 | one.wire)) :] + _joined(after)
    if kind == 10:  # a length that lies
        length = varint(max(len(one.value) + dice.choice((-1, 1, 100, 2**31, 2**63)), 0))
        return _joined(before) + varint(one.number << 3 | _BYTES) + length + one.value + _joined(after)
    if kind == 11:  # the message inside itself
        deep = one.value
        for _ in range(dice.choice((2, 60, 120, 1000, 20_000))):
            deep = varint(one.number << 3 | _BYTES) + varint(len(deep)) + deep
            if len(deep) > 200_000:
                break
        return _joined([*before, replace(one, wire=_BYTES, value=deep), *after])
    if kind == 12:  # a group, long deprecated
        start, end = varint(one.number << 3 | _GROUP), varint(one.number << 3 | _END_GROUP)
        return _joined(before) + start + one.written() + dice.choice((end, b"")) + _joined(after)
    shuffled = list(fields)
    dice.shuffle(shuffled)
    return _joined([*shuffled, _Field(dice.randrange(1, 2000), _BYTES, b"unknown")])


def _joined(fields: list[_Field]) -> bytes:
    return b"".join(field.written() for field in fields)


def _split(content: bytes) -> list[_Field] | None:
    """The fields of a message; None where the bytes are none."""
    fields, place = [], 0
    while place < len(content):
        tag, place = _read_varint(content, place)
        number, wire = tag >> 3, tag & 7
        if place > len(content) or not number or wire not in (_VARINT, _FIXED64, _BYTES, _FIXED32):
            return None
        start = place
        if wire == _VARINT:
            _, place = _read_varint(content, place)
        elif wire == _BYTES:
            length, start = _read_varint(content, place)
            place = start + length
        else:
            place += _SIZES[wire]
        if place > len(content):
            return None
        fields.append(_Field(number, wire, content[start:place]))
    return fields


def _read_varint(content: bytes, place: int) -> tuple[int, int]:
    """A number and the place behind it; a place behind the end where it is cut short."""
    value = shift = 0
    while place < len(content):
        byte = content[place]
        value |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < 0x80:
            return value, place
    return value, len(content) + 1
