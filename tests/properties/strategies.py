"""Values of every kind that a caller may give: arrays in every memory layout, numbers of every type, and junk."""

import enum
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

Array = NDArray[Any]

FLOATS = ("f2", "f4", "f8", "g")
OTHER_NUMBERS = ("i1", "i2", "i4", "i8", "u2", "u4", "u8", "c8", "c16")
NO_NUMBERS = ("S3", "U3", "O", "M8[s]", "m8[s]", "V4")


class OwnArray(np.ndarray[Any, Any]):
    """A caller's subclass of numpy's array."""


class OwnInteger(int):
    """A caller's subclass of int."""


class Digit(enum.IntEnum):
    """A caller's enumeration of numbers."""

    ONE = 1
    TWO = 2


class Index:
    """Stands for a number in indices, as integers of other libraries do."""

    def __init__(self, value: int) -> None:
        self.value = value

    def __index__(self) -> int:
        return self.value


class BrokenIndex:
    """Raises what it likes."""

    def __index__(self) -> int:
        raise RuntimeError("no index today")

    def __float__(self) -> float:
        raise RuntimeError("no float today")

    def __fspath__(self) -> str:
        raise RuntimeError("no path today")


@dataclass(frozen=True, eq=False)
class Given:
    """An array as a caller gives it, and what it holds."""

    array: Array
    """In a memory layout of its own."""
    plain: Array
    """The same values, contiguous and native."""
    layout: str
    """Name of the layout."""


def _reversed(base: Array) -> Array:
    turned = tuple(slice(None, None, -1) for _ in base.shape)
    return base[turned].copy()[turned]


def _strided(base: Array) -> Array:
    return np.repeat(base, 3, axis=-1)[..., ::3] if base.ndim else base


def _transposed(base: Array) -> Array:
    return base.transpose().copy().transpose()


def _read_only(base: Array) -> Array:
    locked = base.copy()
    locked.setflags(write=False)
    return locked


def _unaligned(base: Array) -> Array:
    if base.dtype.hasobject or not base.size:
        return base
    content = np.frombuffer(b"\0" + base.tobytes(), np.uint8)[1:]
    return content.view(base.dtype).reshape(base.shape)


def _mapped(base: Array) -> Array:
    if base.dtype.hasobject or not base.size:
        return base
    with tempfile.TemporaryFile() as file:
        file.write(base.tobytes())
        file.flush()
        return np.memmap(file, base.dtype, "r", shape=base.shape)


def _matrix(base: Array) -> Array:
    return base.view(np.matrix) if base.ndim == 2 else base


LAYOUTS: dict[str, Callable[[Array], Array]] = {
    "contiguous": lambda base: base,
    "Fortran order": np.asfortranarray,
    "negative strides": _reversed,
    "every third": _strided,
    "transposed": _transposed,
    "read-only": _read_only,
    "unaligned": _unaligned,
    "other byte order": lambda base: base.astype(base.dtype.newbyteorder()),
    "memory-mapped": _mapped,
    "matrix": _matrix,
    "own subclass": lambda base: base.view(OwnArray),
    "masked": np.ma.array,
}


@st.composite
def given_arrays(
    draw: st.DrawFn,
    shapes: st.SearchStrategy[tuple[int, ...]],
    *,
    likely: tuple[str, ...],
    good: tuple[float, ...] = (0.0, 1.0),
    bad: tuple[float, ...] = (),
) -> Given:
    """Arrays of any type and layout.

    Args:
        draw: from hypothesis.
        shapes: of the arrays.
        likely: types that half of the arrays have; the others are of any type.
        good: range of the values.
        bad: values of which a third of the float arrays hold one.
    """
    kinds = st.one_of(st.sampled_from(likely), st.sampled_from(("u1", "?", *FLOATS, *OTHER_NUMBERS, *NO_NUMBERS)))
    dtype, shape = np.dtype(draw(kinds)), draw(shapes)
    chance = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    base = _filled(dtype, shape, chance, good)
    if base.size and dtype.kind == "f" and bad and draw(st.integers(0, 2)) == 0:
        place = np.unravel_index(int(chance.integers(base.size)), shape)
        with np.errstate(over="ignore"):
            base[place] = draw(st.sampled_from(bad))
    layout = draw(st.sampled_from(sorted(LAYOUTS)))
    return Given(LAYOUTS[layout](base), base, layout)


def _filled(
    dtype: np.dtype[Any], shape: tuple[int, ...], chance: np.random.Generator, good: tuple[float, ...]
) -> Array:
    low, high = good
    if dtype.kind == "u" and dtype.itemsize == 1:
        return np.asarray(chance.integers(0, 256, shape, np.uint8))
    if dtype.kind in "fc":
        values = np.asarray(chance.uniform(low, high, shape))
        edge = chance.random(shape) < 0.2
        return np.asarray(np.where(edge, chance.choice([low, high, 0.0, -0.0, 1e-310], shape), values)).astype(dtype)
    if dtype.kind in "iub":
        return np.asarray(chance.integers(0, 2, shape)).astype(dtype)
    return np.zeros(shape, dtype)


def numpy_integers(least: int = 0, most: int = 12) -> st.SearchStrategy[np.integer[Any]]:
    """Numpy scalars of all integer types."""
    kinds = (np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64, np.intc, np.longlong)
    return st.builds(lambda kind, value: kind(value), st.sampled_from(kinds), st.integers(least, most))


def no_numbers() -> st.SearchStrategy[object]:
    """What no number is read from."""
    return st.one_of(
        st.none(),
        st.booleans(),
        st.booleans().map(np.bool_),
        st.text(max_size=5),
        st.sampled_from(["3", b"3", "", "\0", "\ud800", np.str_("3"), np.bytes_(b"3")]),
        st.binary(max_size=5),
        st.builds(BrokenIndex),
        st.sampled_from(
            [3j, np.complex64(3), np.datetime64(3, "s"), np.timedelta64(3, "s"), object(), int, np.ma.masked]
        ),
        st.lists(st.integers(0, 3), max_size=2),
        st.lists(st.integers(0, 3), min_size=1, max_size=2).map(np.array),
        st.dictionaries(st.integers(), st.integers(), max_size=1),
        st.just(np.array(None)),
    )


def no_wholes() -> st.SearchStrategy[object]:
    """What no whole number is read from: also numbers with a fraction, even of 0."""
    fractions = st.floats(allow_nan=True, allow_infinity=True)
    return st.one_of(
        no_numbers(),
        fractions,
        st.sampled_from([1.0, 1.5, np.float32(1), np.float64(2), np.longdouble(1), Fraction(2), Decimal(2), 1e300]),
        st.sampled_from([np.array(1.0), np.array(True), np.array([1.0])]),
    )


def wholes(least: int, most: int) -> st.SearchStrategy[object]:
    """Integers in a range, of Python, numpy, subclasses, arrays of no dimension, and objects that stand for one."""
    inside = st.integers(least, most)
    return st.one_of(
        inside,
        numpy_integers(max(least, 0), min(most, 100)),
        inside.map(OwnInteger),
        st.sampled_from([least, *(kind for kind in Digit if least <= kind <= most)]),
        inside.filter(lambda value: abs(value) < 2**62).map(np.array) if abs(most) < 2**62 else inside,
        inside.map(Index),
    )


def far_wholes() -> st.SearchStrategy[int]:
    """Integers that hardly any number may be."""
    return st.one_of(
        st.integers(max_value=-1), st.integers(min_value=2**66), st.sampled_from([-1, 2**64, 10**400, -(10**400)])
    )


def reals(least: float, most: float) -> st.SearchStrategy[object]:
    """Finite numbers in a range, of all types."""
    inside = st.floats(least, most)
    whole = st.integers(int(np.ceil(least)), int(min(most, 100)))
    return st.one_of(
        inside,
        whole,
        whole.map(np.int64),
        whole.map(np.uint8),
        inside.map(np.float64),
        inside.map(np.longdouble),
        st.floats(least, most, width=32).map(np.float32) if np.float32(most) == most else inside,
        inside.map(np.array),
    )


def far_reals(least: float, most: float) -> st.SearchStrategy[object]:
    """Numbers outside a range, of all sizes."""
    far: list[Any] = [least - 1, most + 1, np.nan, np.inf, -np.inf, 10**400, -(10**400), 2**64, 1e308]
    far += [
        np.float32(np.nan),
        np.float64(np.inf),
        np.longdouble(most) * 2 + 1,
        np.int64(-(2**63)),
        -1e-300 if least == 0 else -1e9,
    ]
    return st.sampled_from([value for value in far if not least <= value <= most])


def junk() -> st.SearchStrategy[object]:
    """Anything but arrays: leaves and containers of them, and what ends in itself."""
    leaves = st.one_of(no_numbers(), st.integers(), st.floats(), st.text(max_size=8))
    nested = st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.lists(inner, max_size=3),
            st.tuples(inner, inner),
            st.dictionaries(st.text(max_size=2), inner, max_size=2),
            st.lists(inner, max_size=2).map(iter),
            st.lists(st.text(max_size=3), max_size=2).map(set),
        ),
        max_leaves=6,
    )
    return st.one_of(nested, st.builds(endless), st.builds(deep, st.integers(50, 5000)), st.builds(object))


def endless() -> list[object]:
    """A list that holds itself."""
    ring: list[object] = []
    ring.append(ring)
    return ring


class Nest(list[object]):
    """The outermost of many lists inside each other, which Python cannot print."""

    def __repr__(self) -> str:
        raise RecursionError("too deep to print")


def deep(levels: int) -> Nest:
    """Lists in lists."""
    inner: list[object] = []
    for _ in range(levels):
        inner = [inner]
    return Nest([inner])


class StreamError(Exception):
    """A stream's own."""


def broken_stream(items: list[Any]) -> Iterator[Any]:
    """Gives some items, then raises its own error."""
    yield from items
    raise StreamError
