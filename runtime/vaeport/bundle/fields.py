"""Reading a JSON object field by field: one clear error for each thing that is missing or wrong."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from math import isfinite
from typing import Any, NoReturn, TypeGuard, TypeVar

from ..errors import BundleError
from .limits import MAX_JSON_DEPTH, MAX_JSON_INTEGER

T = TypeVar("T")


class Fields:
    """One JSON object, its place in the file kept for error messages."""

    def __init__(self, value: object, where: str) -> None:
        if not isinstance(value, dict):
            raise BundleError(f"{where} must be a JSON object, but is {_kind(value)}")
        self._value: dict[str, object] = value
        self.where = where

    def text(self, key: str) -> str:
        """A string that is not empty and that a terminal can show."""
        value = self._get(key)
        if not _is_text(value):
            self._wrong(key, "a printable string that is not empty", value)
        return value

    def integer(self, key: str, *, least: int = 0) -> int:
        """A whole number of at least `least`."""
        value = self._get(key)
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            self._wrong(key, f"a whole number of at least {least}", value)
        return value

    def number(self, key: str) -> float:
        """A finite number that is not negative."""
        value = self._get(key)
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= sys.float_info.max:
            self._wrong(key, "a finite number that is not negative", value)
        return float(value)

    def items(self, key: str, read: Callable[[Fields, str], T]) -> dict[str, T]:
        """A JSON object whose every value `read` takes by its key, in the file's order."""
        inner = self.inner(key)
        return {name: read(inner, name) for name in inner}

    def texts(self, key: str, *, least: int = 0) -> tuple[str, ...]:
        """A list of at least `least` strings, all different."""
        value = self._get(key)
        if not isinstance(value, list) or not all(_is_text(item) for item in value):
            self._wrong(key, "a list of printable strings that are not empty", value)
        if len(set(value)) != len(value) or len(value) < least:
            self._wrong(key, f"a list of at least {least} strings, all different", value)
        return tuple(value)

    def integers(self, key: str, *, count: int) -> tuple[int, ...]:
        """A list of exactly `count` positive whole numbers."""
        value = self._get(key)
        if (
            not isinstance(value, list)
            or len(value) != count
            or not all(isinstance(item, int) and not isinstance(item, bool) and item > 0 for item in value)
        ):
            self._wrong(key, f"a list of {count} positive whole numbers", value)
        return tuple(value)

    def numbers(self, key: str, *, least: int) -> tuple[float, ...]:
        """A list of at least `least` finite numbers of either sign."""
        value = self._get(key)
        if not isinstance(value, list) or len(value) < least or not all(_is_finite(item) for item in value):
            self._wrong(key, f"a list of at least {least} finite numbers", value)
        return tuple(map(float, value))

    def check(self, holds: bool, key: str, expected: str) -> None:
        """Refuse a value that has the right type but not the right content."""
        if not holds:
            self._wrong(key, expected, self._get(key))

    def inner(self, key: str) -> Fields:
        """A JSON object inside this one."""
        return Fields(self._get(key), f"{self.where}: {key!r}")

    def free(self, key: str) -> dict[str, Any]:
        """A JSON object whose content is free."""
        value = self._get(key)
        if not isinstance(value, dict):
            self._wrong(key, "a JSON object", value)
        return value

    def __contains__(self, key: str) -> bool:
        return key in self._value

    def __iter__(self) -> Iterator[str]:
        return iter(self._value)

    def _get(self, key: str) -> object:
        if key not in self._value:
            raise BundleError(f"{self.where} lacks {key!r}")
        return self._value[key]

    def _wrong(self, key: str, expected: str, value: object) -> NoReturn:
        raise BundleError(f"{self.where}: {key!r} must be {expected}, but is {_kind(value)}")


def parse_json(content: bytes, where: str) -> Fields:
    """Parse strict JSON: no repeated key, no number that float64 or int64 cannot hold, an object at the top.

    Raises:
        BundleError: the bytes are no such JSON; the message names `where`.
    """
    try:
        value = json.loads(content.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant)
    except RecursionError as error:
        raise BundleError(f"{where} is nested deeper than {MAX_JSON_DEPTH} levels") from error
    except ValueError as error:
        raise BundleError(f"{where} is not valid JSON: {error}") from error
    _check_values(value, where)
    return Fields(value, where)


def _is_text(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and bool(value) and value.isprintable()


def _is_finite(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return result


def _check_values(top: object, where: str) -> None:
    """Refuse what JSON can spell but programs cannot hold: half characters, numbers and nesting past limits."""
    level = [(where, top)]
    for _ in range(MAX_JSON_DEPTH):
        inner: list[tuple[str, object]] = []
        for place, value in level:
            if isinstance(value, dict):
                inner += ((f"{place}: {key!r:.60}", each) for key, each in value.items())
                inner += ((f"{place}: a key", key) for key in value)
            elif isinstance(value, list):
                inner += ((place, each) for each in value)
            elif isinstance(value, str) and not _is_unicode(value):
                raise BundleError(f"{place} holds half of a surrogate pair, which is no character")
            elif isinstance(value, int) and abs(value) > MAX_JSON_INTEGER:
                raise BundleError(f"{place} holds a whole number beyond {MAX_JSON_INTEGER}")
            elif isinstance(value, float) and not isfinite(value):
                raise BundleError(f"{place} holds a number beyond what float64 can hold")
        if not inner:
            return
        level = inner
    raise BundleError(f"{where} is nested deeper than {MAX_JSON_DEPTH} levels")


def _is_unicode(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _kind(value: object) -> str:
    shown = json.dumps(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."
