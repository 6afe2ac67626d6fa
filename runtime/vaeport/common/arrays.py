"""Reading the arrays that callers give: plain memory, numbers in their range, the row named where one is wrong."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .arguments import shown

MOST_VALUES = 2**33
"""Numbers that one answer may hold (32 GiB of float32); what would be larger is refused before memory is asked for."""

MAX_MAGNITUDE = 1e9
"""Largest absolute latent: far beyond any prior, and squares and sums of such numbers are still finite in float32."""


def check_answer_size(n: int, row: Sequence[int], what: str) -> None:
    """Refuse an answer of n rows that no memory should be asked for.

    Args:
        n: rows.
        row: shape of one row.
        what: the rows in words, as `images`.

    Raises:
        InputError: it would hold more than `MOST_VALUES` numbers.
    """
    if n * max(math.prod(row), 1) > MOST_VALUES:
        raise InputError(f"{shown(n)} {what} of {list(row)} numbers each are too many at once; ask for them in parts")


def empty(shape: Sequence[int], dtype: type[np.generic]) -> NDArray[Any]:
    """Memory for an answer.

    Raises:
        InputError: the machine does not give it.
    """
    try:
        return np.empty(tuple(shape), dtype)
    except (MemoryError, ValueError) as error:
        raise InputError(f"no memory for an answer of shape {list(shape)}; ask for it in parts") from error


def plain_array(value: NDArray[np.generic], name: str) -> NDArray[np.generic]:
    """An array without its subclass: the same memory, and `np.matrix` loses its own rules of shape.

    Raises:
        InputError: a masked array, whose hidden values would be taken for real ones.
    """
    if type(value) is np.ndarray:
        return value
    if isinstance(value, np.ma.MaskedArray):
        raise InputError(f"{name} is a masked array; give plain numbers, for instance array.filled(0)")
    return np.asarray(value)


def read_rows(value: object, name: str, width: int) -> NDArray[np.float32]:
    """Read rows of finite numbers.

    Args:
        value: float or integer [N, width], or [width] for one row; nested lists of numbers do as well.
        name: what the caller knows the value as.
        width: numbers a row.

    Returns:
        float32 [N, width], always an array of its own.

    Raises:
        InputError: another shape or type, or a row with a number that is not finite or beyond `MAX_MAGNITUDE`.
    """
    rows = _real_array(value, name, f"[N, {width}]")
    if rows.ndim < 2:
        rows = np.atleast_2d(rows)
    if rows.ndim != 2 or rows.shape[1] != width:
        raise InputError(f"{name} has shape {list(np.shape(rows))}, but must be finite numbers [N, {width}]")
    check_answer_size(len(rows), (width,), "rows")
    check_rows(rows, name, least=-MAX_MAGNITUDE, most=MAX_MAGNITUDE)
    with np.errstate(all="ignore"):  # 1e-300 is 0 in float32
        return np.array(rows, np.float32)


def check_rows(rows: NDArray[Any], name: str, *, least: float, most: float) -> None:
    """Refuse rows with a number that is not finite or outside a range.

    Args:
        rows: numbers [N, ...].
        name: what the caller knows them as.
        least: smallest number allowed.
        most: largest number allowed.

    Raises:
        InputError: names the first such row and says how many there are.
    """
    if not rows.size:
        return
    with np.errstate(all="ignore"):  # a signalling NaN would warn
        if float(rows.min()) >= least and float(rows.max()) <= most:  # false for NaN too
            return
    bad = bad_rows(rows, least, most)
    raise InputError(bad_row_sentence(rows, bad, 0, f"of {name}", least=least, most=most))


def bad_rows(rows: NDArray[Any], least: float, most: float) -> NDArray[np.intp]:
    """Indices of the rows with a number that is not finite or outside a range, from numbers [N, ...]."""
    low, high = np.float64(least), np.float64(most)  # a Python float would be rounded to float16
    with np.errstate(all="ignore"):
        good = (rows >= low) & (rows <= high)
    return np.flatnonzero(~good.all(axis=tuple(range(1, rows.ndim))))


def bad_row_sentence(
    rows: NDArray[Any],
    bad: NDArray[np.intp],
    first: int,
    where: str,
    *,
    least: float,
    most: float,
    more: int = 0,
) -> str:
    """What is wrong with the first bad row, and how many rows are wrong.

    Args:
        rows: numbers [N, ...].
        bad: indices of the bad rows, at least one.
        first: number of the row with index 0.
        where: what the rows are of, as `of the images`.
        least: smallest number allowed.
        most: largest number allowed.
        more: bad rows elsewhere.
    """
    row = rows[bad[0]]
    with np.errstate(all="ignore"):
        if np.isnan(row).any():
            wrong = "NaN"
        elif np.isinf(row).any():
            wrong = "an infinite number"
        else:
            outside = float(row.min()) if float(row.min()) < least else float(row.max())
            wrong = f"the number {outside:g}"
    count = len(bad) + more
    others = "" if count == 1 else f" ({count} rows are wrong)"
    return f"row {first + int(bad[0])} {where} holds {wrong}{others}, but numbers must be from {least:g} to {most:g}"


def _real_array(value: object, name: str, form: str) -> NDArray[Any]:
    """An array of real numbers, of any shape, from an array or nested lists."""
    array = array_of(value)
    if array is None or array.dtype == object:
        raise InputError(f"{name} is {shown(value)}, but must be numbers {form}")
    array = plain_array(array, name)
    if array.dtype.kind in "fiu":
        return array
    if array.size:
        raise InputError(f"{name} is {shown(array)}, but must be real numbers {form}")
    return np.zeros(array.shape, np.float32)  # an empty list is of no type that means anything


def array_of(value: object) -> NDArray[np.generic] | None:
    """The value as an array if it is one, nested lists, a numpy number, or lends its memory (`__array__`)."""
    if isinstance(value, np.ndarray):
        return value
    if not isinstance(value, list | tuple | np.number) and not hasattr(type(value), "__array__"):
        return None
    try:
        return np.asarray(value)
    except Exception:  # noqa: BLE001 - ragged or recursive lists, and strangers' classes, which raise what they like
        return None
