"""Reading the numbers, names, switches and paths that callers give: the right type and range, or one sentence."""

from __future__ import annotations

import math
import operator
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..errors import InputError

_SHOWN = 60
"""Characters of a wrong value that an error repeats."""

_SHOWN_BITS = 256
"""Bits of an integer that an error still writes out; Python refuses to write very long ones in decimals."""


def whole_number(value: object, name: str, *, least: int | None = None, most: int | None = None) -> int:
    """Read a Python or numpy integer.

    Args:
        value: anything; a float is refused even where it is whole, and so are `bool` and `np.bool_`.
        name: what the caller knows the value as.
        least: smallest value allowed, None for no bound.
        most: largest value allowed, None for no bound.

    Raises:
        InputError: it is no integer, or outside its range.
    """
    number = as_integer(value)
    if number is None or (least is not None and number < least) or (most is not None and number > most):
        raise InputError(f"{name} is {shown(value)}, but must be a whole number{_range(least, most)}")
    return number


def real_number(value: object, name: str, *, least: float, most: float) -> float:
    """Read a finite Python or numpy number.

    Args:
        value: anything; `bool`, `np.bool_` and complex numbers are refused.
        name: what the caller knows the value as.
        least: smallest value allowed.
        most: largest value allowed.

    Raises:
        InputError: it is no number, not finite, or outside its range.
    """
    number = _as_real(value)
    if number is None or not least <= number <= most:  # NaN is not within any range
        raise InputError(f"{name} is {shown(value)}, but must be a number{_range(least, most)}")
    return number


def one_of(value: object, name: str, known: Sequence[str]) -> str:
    """Read one of a few names.

    Raises:
        InputError: it is another string, or no string.
    """
    if isinstance(value, str) and str.__str__(value) in known:
        return str.__str__(value)
    raise InputError(f"{name} is {shown(value)}, but must be one of {', '.join(known)}")


def flag(value: object, name: str) -> bool:
    """Read True or False, Python's or numpy's; 0 and 1 are numbers and refused.

    Raises:
        InputError: it is something else.
    """
    if isinstance(value, bool | np.bool_):
        return bool(value)
    raise InputError(f"{name} is {shown(value)}, but must be True or False")


def text(value: object, name: str) -> str:
    """Read a string.

    Raises:
        InputError: it is something else.
    """
    if isinstance(value, str):
        return str.__str__(value)
    raise InputError(f"{name} is {shown(value)}, but must be a string")


def file_path(value: object, name: str) -> Path:
    """Read a path that the operating system can be asked about.

    Args:
        value: a string or an `os.PathLike` of a string; bytes are refused, since images may be given as bytes.
        name: what the caller knows the value as.

    Raises:
        InputError: it is something else, or it holds a NUL or characters that no file name can have.
    """
    try:
        plain = os.fspath(value) if isinstance(value, str | os.PathLike) else None
    except Exception as error:  # a stranger's `__fspath__` may raise anything
        raise InputError(f"{name} is {shown(value)}, which does not say what its path is") from error
    if not isinstance(plain, str):
        raise InputError(f"{name} is {shown(value)}, but must be a path: a string or a pathlib.Path")
    plain = str.__str__(plain)
    try:
        usable = b"\0" not in os.fsencode(plain)
    except UnicodeError:
        usable = False
    if not usable:
        raise InputError(f"{name} is {shown(plain)}, but a path can hold neither NUL nor characters without a coding")
    return Path(plain)


def as_integer(value: object) -> int | None:
    """The value as a Python integer if it is a Python or numpy integer, or an array of no dimension of one."""
    if type(value) is int:
        return value
    if isinstance(value, bool | np.bool_) or (isinstance(value, np.ndarray) and value.ndim > 0):
        return None
    try:
        return operator.index(value)  # type: ignore[arg-type]
    except Exception:  # noqa: BLE001 - a stranger's `__index__` may raise anything
        return None


def shown(value: object) -> str:
    """A wrong value as an error repeats it: short, on one line, whatever the value is."""
    if isinstance(value, np.ndarray):
        return f"an array of {_cut(str(value.dtype))} with shape {list(value.shape)}"
    if isinstance(value, np.generic) and not isinstance(value, np.flexible | np.object_):
        return _cut(str(value))
    kind = type(value)
    if kind is int:
        bits = int.bit_length(value)  # type: ignore[arg-type]
        return repr(value) if bits <= _SHOWN_BITS else f"an integer of {bits} bits"
    if kind in (str, bytes):
        return _cut(repr(value[: _SHOWN + 1]))  # type: ignore[index]
    if kind in (bool, float, complex, type(None)):
        return repr(value)
    return f"of type {_cut(kind.__name__)}"


def _as_real(value: object) -> float | None:
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.integer | np.floating):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf
    except Exception:  # noqa: BLE001 - a subclass may override `__float__`
        return None


def _range(least: float | None, most: float | None) -> str:
    if least is not None and most is not None:
        return f" from {_bound(least)} to {_bound(most)}"
    if least is not None:
        return f" of at least {_bound(least)}"
    return "" if most is None else f" of at most {_bound(most)}"


def _bound(bound: float) -> str:
    """A bound in words: 2**64 - 1 rather than its twenty digits."""
    if isinstance(bound, int) and bound >= 2**31:
        exponent = bound.bit_length()
        if bound == 2**exponent - 1:
            return f"2**{exponent} - 1"
        if bound == 2 ** (exponent - 1):
            return f"2**{exponent - 1}"
    return str(bound) if isinstance(bound, int) else f"{bound:g}"


def _cut(words: str) -> str:
    return words if len(words) <= _SHOWN else f"{words[: _SHOWN - 3]}..."
