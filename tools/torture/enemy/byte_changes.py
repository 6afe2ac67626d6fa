"""Changes to bytes that know nothing of what they mean."""

from __future__ import annotations

import random
from collections.abc import Callable

Bytes = Callable[[bytearray, random.Random], bytes | bytearray]

_NASTY = (0x00, 0xFF, 0x7F, 0x80, 0x01, 0x0A, 0x22)
_MOST_RUN = 64


def changed(content: bytes, dice: random.Random) -> bytes:
    """Other bytes than these, by one to three changes."""
    while True:
        result = content
        for _ in range(dice.choice((1, 1, 1, 2, 3))):
            result = bytes(dice.choice(_CHANGES if result else _ON_NOTHING)(bytearray(result), dice))
        if result != content:
            return result


def flipped(content: bytes | bytearray, bit: int) -> bytes:
    """The same bytes but for one bit; bit 0 is the lowest of the first byte."""
    result = bytearray(content)
    result[bit // 8] ^= 1 << bit % 8
    return bytes(result)


def _flip(content: bytearray, dice: random.Random) -> bytes:
    return flipped(content, dice.randrange(8 * len(content)))


def _set(content: bytearray, dice: random.Random) -> bytearray:
    content[dice.randrange(len(content))] = dice.randrange(256)
    return content


def _set_nasty(content: bytearray, dice: random.Random) -> bytearray:
    content[dice.randrange(len(content))] = dice.choice(_NASTY)
    return content


def _count(content: bytearray, dice: random.Random) -> bytearray:
    """One more or one less in a number of 1, 2, 4 or 8 bytes."""
    size = dice.choice((1, 2, 4, 8))
    place, step = dice.randrange(len(content)), dice.choice((-1, 1))
    number = int.from_bytes(content[place : place + size], "little") + step
    content[place : place + size] = (number % 256**size).to_bytes(size, "little")
    return content


def _overwrite(content: bytearray, dice: random.Random) -> bytearray:
    place, size = _run(content, dice)
    content[place : place + size] = dice.randbytes(size)
    return content


def _blank(content: bytearray, dice: random.Random) -> bytearray:
    place, size = _run(content, dice)
    content[place : place + size] = bytes([dice.choice(_NASTY)]) * size
    return content


def _cut_tail(content: bytearray, dice: random.Random) -> bytearray:
    return content[: dice.randrange(len(content))]


def _cut_head(content: bytearray, dice: random.Random) -> bytearray:
    return content[dice.randrange(1, len(content) + 1) :]


def _cut_out(content: bytearray, dice: random.Random) -> bytearray:
    place, size = _run(content, dice)
    return content[:place] + content[place + size :]


def _grow(content: bytearray, dice: random.Random) -> bytearray:
    return content + dice.choice((b"\0", b"\n", b" ", b"\x1a", dice.randbytes(dice.randrange(1, _MOST_RUN))))


def _insert(content: bytearray, dice: random.Random) -> bytearray:
    place = dice.randrange(len(content) + 1)
    return content[:place] + dice.randbytes(dice.randrange(1, 9)) + content[place:]


def _repeat(content: bytearray, dice: random.Random) -> bytearray:
    place, size = _run(content, dice)
    return content[: place + size] + content[place:]


def _swap(content: bytearray, dice: random.Random) -> bytearray:
    (first, size), (second, _) = _run(content, dice), _run(content, dice)
    first, second = sorted((first, second))
    size = min(size, second - first, len(content) - second)
    content[first : first + size], content[second : second + size] = (
        content[second : second + size],
        content[first : first + size],
    )
    return content


def _mark(content: bytearray, dice: random.Random) -> bytes:
    return dice.choice((b"\xef\xbb\xbf", b"\xff\xfe", b"\0", b"\n", b" ")) + content


def _translate(content: bytearray, dice: random.Random) -> bytes:
    old, new = dice.choice(((b"\n", b"\r\n"), (b" ", b"\t"), (b"a", b"A"), (b"0", b"O"), (b"\0", b"")))
    return bytes(content).replace(old, new)


def _run(content: bytearray, dice: random.Random) -> tuple[int, int]:
    """Place and length of some bytes that are there."""
    place = dice.randrange(len(content))
    return place, min(dice.randrange(1, _MOST_RUN), len(content) - place)


_ON_NOTHING: tuple[Bytes, ...] = (_grow, _mark)

_CHANGES: tuple[Bytes, ...] = (
    *(_flip,) * 6,
    *(_set,) * 3,
    *(_set_nasty,) * 2,
    *(_count,) * 2,
    _overwrite,
    _blank,
    _cut_tail,
    _cut_head,
    _cut_out,
    _grow,
    _insert,
    _repeat,
    _swap,
    lambda _content, _dice: b"",
    lambda content, _dice: content * 2,
    _mark,
    _translate,
)
