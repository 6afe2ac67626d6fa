"""What a call must make of a value: the verdicts that the library is held to, written without its code."""

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from tests.properties.strategies import Given, Index
from vaeport.errors import InputError

Answer = TypeVar("Answer")

IMAGE = (1, 4, 4)
"""Of the tiny bundle."""


@dataclass(frozen=True, eq=False)
class Verdict:
    """Whether a value is taken, and as what."""

    taken: bool | None
    """None where either will do, as long as a taken value is taken as `value`."""
    value: Any = None
    """The plain value that it must count as."""


def hold(call: Callable[[Any], object], value: object, verdict: Verdict) -> None:
    """As the verdict says: the value is refused by an InputError, or answered as the plain value is, to the bit."""
    found, error = attempt(lambda: call(value))
    if error is not None:
        assert verdict.taken is not True, f"refused: {error}"
        return
    assert verdict.taken is not False, f"taken: {value!r:.200}"
    assert bits(found) == bits(call(verdict.value))


def attempt(call: Callable[[], Answer]) -> tuple[Answer | None, InputError | None]:
    """The answer, or the error that refuses the input in words; any other error is raised."""
    try:
        return call(), None
    except InputError as error:
        if not str(error).strip():
            raise
        return None, error


def whole(value: object, *, least: int, most: int) -> Verdict:
    """How an integer argument is read."""
    if isinstance(value, bool | np.bool_) or (isinstance(value, np.ndarray) and value.dtype.kind not in "iu"):
        return Verdict(False)
    try:
        number = operator.index(value)  # type: ignore[arg-type]
    except Exception:  # noqa: BLE001 - a caller's own class may raise anything
        return Verdict(False)
    if not least <= number <= most:
        return Verdict(False)
    return Verdict(None if isinstance(value, Index | np.ndarray) else True, number)


def real(value: object, *, least: float, most: float) -> Verdict:
    """How a float argument is read."""
    plain = value[()] if isinstance(value, np.ndarray) and value.ndim == 0 else value
    if isinstance(plain, bool | np.bool_) or not isinstance(plain, int | float | np.integer | np.floating):
        return Verdict(None) if isinstance(value, Index) else Verdict(False)
    if not least <= plain <= most:
        return Verdict(False)
    return Verdict(None if isinstance(value, np.ndarray) else True, float(plain))


def images(given: Given) -> Verdict:
    """How an array of images of the tiny bundle is read: as float32 [N, 1, 4, 4], value by value."""
    array = given.plain
    rows = _rows(array.shape)
    if rows is None or given.layout == "masked":
        return Verdict(False)
    kind = array.dtype
    pixels = np.zeros(array.shape, np.float32)
    if kind != np.uint8 and kind.kind not in "fb":
        return Verdict(False if array.size else None, pixels.reshape(rows, *IMAGE))
    for place in np.ndindex(array.shape):
        value = array[place]
        if kind == np.uint8:
            pixels[place] = np.float32(value) / np.float32(255)
        elif not 0 <= value <= 1:
            return Verdict(False)
        else:
            pixels[place] = value
    return Verdict(True, pixels.reshape(rows, *IMAGE))


def latents(given: Given, dim: int, limit: float) -> Verdict:
    """How an array of latents is read: as float32 [N, dim]."""
    array = given.plain
    if given.layout == "masked" or array.dtype.kind not in "fiu":
        return Verdict(False if array.size or given.layout == "masked" else None, np.zeros((0, dim), np.float32))
    shape = (1, *array.shape) if array.ndim == 1 else array.shape
    if array.ndim == 0 or len(shape) != 2 or shape[1] != dim:
        return Verdict(False)
    if array.size and not all(-limit <= value <= limit for value in array.flat):
        return Verdict(False)
    plain = np.zeros(shape, np.float32)
    for place in np.ndindex(shape):
        plain[place] = array.reshape(shape)[place]
    return Verdict(True if array.dtype.kind == "f" else None, plain)


def bits(answer: object) -> object:
    """An answer as something that is equal for equal bits only."""
    if isinstance(answer, np.ndarray):
        assert answer.dtype.isnative
        return answer.dtype.str, answer.shape, answer.tobytes()
    if isinstance(answer, list | tuple):
        return [bits(part) for part in answer]
    if hasattr(answer, "__dataclass_fields__"):
        return [bits(getattr(answer, name)) for name in answer.__dataclass_fields__]
    return repr(answer)


def arrays_in(answer: object) -> list[NDArray[Any]]:
    """All arrays of an answer."""
    if isinstance(answer, np.ndarray):
        return [answer]
    if isinstance(answer, list | tuple):
        return [array for part in answer for array in arrays_in(part)]
    if hasattr(answer, "__dataclass_fields__"):
        return [array for name in answer.__dataclass_fields__ for array in arrays_in(getattr(answer, name))]
    return []


def _rows(shape: tuple[int, ...]) -> int | None:
    """How many images an array of a shape holds; None where it is none of the documented ones."""
    if shape in ((4, 4), (1, 4, 4), (4, 4, 1)):
        return 1
    if len(shape) == 3 and shape[1:] == (4, 4):
        return shape[0]
    if len(shape) == 4 and shape[1:] in ((1, 4, 4), (4, 4, 1)):
        return shape[0]
    return None
