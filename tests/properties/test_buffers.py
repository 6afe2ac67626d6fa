"""`out=`: the caller's buffer is filled whole, or refused before anything is written."""

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import vaeport
from tests.properties.oracles import bits
from tests.properties.strategies import LAYOUTS, junk
from vaeport.errors import InputError

KEEPING = ("contiguous", "Fortran order", "negative strides", "every third", "transposed", "unaligned", "own subclass")
"""Layouts in which a buffer can still be written to as native float32."""


def _writable(shape: tuple[int, ...], layout: str) -> np.ndarray[Any, Any]:
    buffer = LAYOUTS[layout](np.full(shape, np.nan, np.float32))
    return buffer if buffer.flags.writeable else buffer.copy()


@given(n=st.integers(0, 9), layout=st.sampled_from(KEEPING), seed=st.integers(0, 99))
def test_buffer_of_any_layout_gets_the_usual_answer(n: int, layout: str, seed: int, model: vaeport.Model) -> None:
    pixels = _writable((n, 1, 4, 4), layout)
    codes = [_writable((n, width), layout) for width in (2, 2, 3)]
    images = np.random.default_rng(seed).integers(0, 256, (n, 4, 4), np.uint8)

    drawn = model.generate(1, n, seed=seed, out=pixels)
    encoded = model.encode(images, out=vaeport.Encoding(*codes))

    assert drawn.pixels is pixels
    assert encoded.z_mean is codes[0]
    assert pixels.tobytes() == model.generate(1, n, seed=seed).pixels.tobytes()
    usual = model.encode(images)
    assert [code.tobytes() for code in codes] == [
        array.tobytes() for array in (usual.z_mean, usual.z_logvar, usual.class_probs)
    ]


@given(
    shape=st.lists(st.integers(0, 5), max_size=5).map(tuple),
    kind=st.sampled_from(["f4", "f8", "f2", ">f4", "u1", "c8", "O", "U3"]),
    locked=st.booleans(),
    n=st.integers(0, 5),
)
def test_buffer_that_does_not_fit_is_refused_and_left(
    shape: tuple[int, ...], kind: str, locked: bool, n: int, model: vaeport.Model
) -> None:
    fits = shape == (n, 1, 4, 4) and np.dtype(kind) == np.float32
    assume(not fits or locked)
    buffer = np.zeros(shape, kind)
    buffer.setflags(write=not locked)
    before = bits(buffer.astype("U")) if kind == "O" else buffer.tobytes()

    with pytest.raises(InputError, match="out"):
        model.generate(0, n, out=buffer)

    assert (bits(buffer.astype("U")) if kind == "O" else buffer.tobytes()) == before


@given(out=junk())
def test_what_is_no_buffer_is_refused(out: Any, model: vaeport.Model) -> None:
    assume(out is not None)

    with pytest.raises(InputError):
        model.generate(0, 2, out=out)
    with pytest.raises(InputError):
        model.encode(np.zeros((2, 4, 4), np.uint8), out=out)
    with pytest.raises(InputError):
        model.encode(np.zeros((2, 4, 4), np.uint8), out=vaeport.Encoding(out, out, out))
