"""Latents: any cut of the table agrees with any other; decode takes them in any array, and refuses what overflows."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import vaeport
from tests.properties.oracles import arrays_in, hold, latents
from tests.properties.strategies import Given, given_arrays, junk
from vaeport import latents as draw
from vaeport.errors import InputError
from vaeport.model.latents import spherical

LIMIT = 1e9
"""Largest absolute latent that decode takes (docs/contract.md)."""

SHAPES = st.one_of(
    st.tuples(st.integers(0, 6), st.just(2)),
    st.tuples(st.integers(0, 6), st.just(2)),
    st.just((2,)),
    st.lists(st.integers(0, 3), max_size=5).map(tuple),
)
ARRAYS = given_arrays(
    SHAPES, likely=("f4", "f8"), good=(-4.0, 4.0), bad=(np.nan, np.inf, -np.inf, 1.1e9, -1e300, 1e9, -1e6)
)
SEEDS = st.one_of(st.integers(0, 2**64 - 1), st.sampled_from([0, 2**32 - 1, 2**32, 2**64 - 1]))


@given(z=ARRAYS, label=st.integers(0, 2))
def test_latents_count_as_their_plain_copy_or_are_refused(z: Given, label: int, model: vaeport.Model) -> None:
    before = z.array.tobytes()

    hold(lambda value: model.decode(value, label), z.array, latents(z, 2, LIMIT))

    assert z.array.tobytes() == before


@given(z=ARRAYS)
def test_drawings_share_no_memory_with_the_latents(z: Given, model: vaeport.Model) -> None:
    try:
        answer = model.decode(z.array, 0)
    except InputError:
        return
    assert not any(np.shares_memory(z.array, part) for part in arrays_in(answer))


@given(z=junk())
def test_what_is_no_latent_is_refused(z: Any, model: vaeport.Model) -> None:
    assume(not _is_row(z))

    with pytest.raises(InputError):
        model.decode(z, 0)


@given(size=st.floats(-1e9, 1e9), other=st.sampled_from([0.0, 1e6, -1e9]), label=st.integers(0, 2))
def test_latents_far_outside_the_prior_draw_pixels(size: float, other: float, label: int, model: vaeport.Model) -> None:
    pixels = model.decode(np.array([size, other]), label).pixels

    assert np.isfinite(pixels).all()
    assert pixels.min() >= 0
    assert pixels.max() <= 1


@given(rows=st.integers(34, 56))
def test_latents_that_only_pretend_to_be_many_are_refused_at_once(rows: int, model: vaeport.Model) -> None:
    with pytest.raises(InputError):
        model.decode(np.broadcast_to(np.float32(0), (2**rows, 2)), 0)


@given(
    seed=SEEDS,
    n=st.integers(0, 40),
    dim=st.integers(0, 9),
    first=st.one_of(st.integers(0, 2**64 - 41), st.sampled_from([0, 2**32 - 20, 2**64 - 40])),
    start=st.integers(0, 40),
    step=st.integers(1, 7),
)
def test_any_cut_of_the_table_agrees(seed: int, n: int, dim: int, first: int, start: int, step: int) -> None:
    n, start = min(n, 40), min(start, n)
    table = draw(seed, n, dim, start=first)
    picked = range(start, n, step)

    np.testing.assert_array_equal(draw(seed, len(picked), dim, start=first + start, step=step), table[start::step])
    assert table.shape == (n, dim)
    assert np.isfinite(table).all()


@given(seed=SEEDS, row=st.integers(0, 2**64 - 1), dim=st.integers(1, 9), cut=st.integers(0, 9))
def test_fewer_dimensions_are_a_cut(seed: int, row: int, dim: int, cut: int) -> None:
    cut = min(cut, dim)

    np.testing.assert_array_equal(draw(seed, 1, cut, start=row), draw(seed, 1, dim, start=row)[:, :cut])


@given(
    n=st.integers(0, 12),
    split=st.integers(0, 12),
    seed=SEEDS,
    label=st.integers(0, 2),
    temperature=st.floats(0, 1e6),
)
def test_generation_goes_on_where_an_earlier_call_ended(
    n: int, split: int, seed: int, label: int, temperature: float, model: vaeport.Model
) -> None:
    split = min(split, n)
    whole = model.generate(label, n, seed=seed, temperature=temperature)
    first = model.generate(label, split, seed=seed, temperature=temperature)
    rest = model.generate(label, n - split, seed=seed, start=split, temperature=temperature)

    np.testing.assert_array_equal(whole.z, np.concatenate([first.z, rest.z]))
    # A graph may sum in another order in batches of another size.
    np.testing.assert_allclose(whole.pixels, np.concatenate([first.pixels, rest.pixels]), rtol=0, atol=1e-6)


@given(ends=st.tuples(*[st.lists(st.floats(-50, 50, width=32), min_size=3, max_size=3)] * 2), steps=st.integers(2, 20))
def test_arc_runs_from_one_end_to_the_other(ends: tuple[list[float], list[float]], steps: int) -> None:
    first, last = (np.array(end, np.float32) for end in ends)

    path = spherical(first, last, steps)

    assert path.shape == (steps, 3)
    assert path.dtype == np.float32
    np.testing.assert_array_equal(path[0], first)
    np.testing.assert_array_equal(path[-1], last)
    assert np.isfinite(path).all()


@given(angle=st.floats(0.01, 3.1), radius=st.floats(0.1, 100), steps=st.integers(2, 30))
def test_arc_between_equally_long_latents_keeps_their_length(angle: float, radius: float, steps: int) -> None:
    first = np.array([radius, 0], np.float32)
    last = np.array([radius * math.cos(angle), radius * math.sin(angle)], np.float32)

    lengths = np.linalg.norm(spherical(first, last, steps).astype(np.float64), axis=1)

    np.testing.assert_allclose(lengths, radius, rtol=1e-4)


def _is_row(value: object) -> bool:
    """Whether a list happens to be two numbers, and so one latent."""
    return isinstance(value, list | tuple) and len(value) == 2
