"""JSON from strangers: parsed within limits, so that what comes out is safe to walk through, compare and print."""

from __future__ import annotations

import json
import math
from typing import Any

MAX_DEPTH = 64
"""Objects and lists inside one another; files of vaeport have at most a dozen."""

_BITS = 64
_DIGITS = 20  # of the longest whole number of 64 bits, its sign included

_Place = tuple[Any, str] | None


def parse_strict(content: bytes, *, most: int) -> object:
    """Parse strict JSON.

    Args:
        content: the file.
        most: bytes that it may have.

    Returns:
        Plain values: no key twice in an object, numbers finite and whole ones within 64 bits, text that is valid
        Unicode, at most `MAX_DEPTH` deep.

    Raises:
        ValueError: the content is something else; one sentence, which names the place where it can.
    """
    if len(content) > most:
        raise ValueError(f"it has {len(content)} bytes, but may have {most}")
    try:
        value = json.loads(content.decode("utf-8"), object_pairs_hook=_unique, parse_int=_whole)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    _check(value)
    return value


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    result = dict(pairs)
    if len(result) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {twice[:60]!a} stands twice in one object")
    return result


def _whole(text: str) -> int | float:
    """A whole number; infinity for one whose digits alone say that it is beyond 64 bits, so that its place is named."""
    return int(text) if len(text) <= _DIGITS else math.inf


def _check(value: object) -> None:
    """Refuse what JSON allows and no reader expects; a stack of its own, since nesting is what it looks for."""
    waiting: list[tuple[object, _Place, int]] = [(value, None, 0)]
    while waiting:
        one, place, depth = waiting.pop()
        if isinstance(one, str):
            _check_text(one, place)
        elif isinstance(one, float | int):
            if not math.isfinite(one) or (isinstance(one, int) and not -(2 ** (_BITS - 1)) <= one < 2**_BITS):
                raise ValueError(f"{_words(place)} is a number that is not finite or beyond {_BITS} bits")
        elif isinstance(one, dict | list):
            if depth == MAX_DEPTH:
                raise ValueError(f"{_words(place)} is nested too deeply, more than {MAX_DEPTH} lists and objects")
            if isinstance(one, dict):
                for key, inner in one.items():
                    _check_text(key, place)
                    waiting.append((inner, (place, key), depth + 1))
            else:
                waiting += [(inner, (place, str(index)), depth + 1) for index, inner in enumerate(one)]


def _check_text(text: str, place: _Place) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError(f"{_words(place)} has text that is no valid Unicode") from error


def _words(place: _Place) -> str:
    keys: list[str] = []
    while place is not None:
        place, key = place
        keys.append(key)
    return ascii(".".join(reversed(keys))[:100]) if keys else "the whole"
