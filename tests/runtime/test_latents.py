"""Latents: Philox4x32-10 as published, the contract's rule on top of it, and rows that know nothing of each other."""

import math

import numpy as np
import pytest

from vaeport import latents
from vaeport.errors import InputError
from vaeport.model.latents import philox4x32

MASK = 0xFFFFFFFF

# Random123, tests/kat_vectors: counter, key, output.
KNOWN_ANSWERS = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
]


def _words(text: str) -> list[int]:
    return [int(word, 16) for word in text.split()]


def _scalar_philox(counter: list[int], key: list[int]) -> list[int]:
    """Philox4x32-10 in whole numbers of Python, from the paper."""
    for turn in range(10):
        high0, low0 = divmod(0xD2511F53 * counter[0], 2**32)
        high1, low1 = divmod(0xCD9E8D57 * counter[2], 2**32)
        k0, k1 = (key[0] + turn * 0x9E3779B9) & MASK, (key[1] + turn * 0xBB67AE85) & MASK
        counter = [high1 ^ counter[1] ^ k0, low1, high0 ^ counter[3] ^ k1, low0]
    return counter


def _scalar_row(seed: int, row: int, dim: int) -> list[float]:
    """One row by the contract's rule, in Python's own numbers."""
    numbers: list[float] = []
    for block in range((dim + 3) // 4):
        words = _scalar_philox([block, 0, row % 2**32, row // 2**32], [seed % 2**32, seed // 2**32])
        for first, second in (words[:2], words[2:]):
            radius = math.sqrt(-2 * math.log((first + 1) / 2**32))
            angle = 2 * math.pi * second / 2**32
            numbers += [radius * math.cos(angle), radius * math.sin(angle)]
    return numbers[:dim]


@pytest.mark.parametrize(("counter", "key", "output"), KNOWN_ANSWERS)
def test_philox_gives_the_published_vectors(counter: str, key: str, output: str) -> None:
    k0, k1 = _words(key)

    answer = philox4x32(np.array([_words(counter)], np.uint64), (k0, k1))

    assert answer.tolist() == [_words(output)]


@pytest.mark.parametrize("seed", [0, 1, 20180, 2**32 - 1, 2**32, 2**32 + 5, 2**63 + 11, 2**64 - 1])
@pytest.mark.parametrize("start", [0, 3, 2**32 - 1, 2**32 + 7, 2**64 - 2])
def test_rows_follow_the_contract(seed: int, start: int) -> None:
    expected = [_scalar_row(seed, start + row, 10) for row in range(2)]

    drawn = latents(seed, 2, 10, start=start)

    # Float64 logarithms and cosines may differ in their last bit; one float32 step is all that can make.
    np.testing.assert_array_max_ulp(drawn, np.array(expected, np.float32), maxulp=1)


@pytest.mark.parametrize("n", [0, 1, 2, 7, 1025])
def test_shape_and_type(n: int) -> None:
    drawn = latents(3, n, 10)

    assert drawn.shape == (n, 10)
    assert drawn.dtype == np.float32


def test_rows_do_not_depend_on_how_many_are_drawn() -> None:
    np.testing.assert_array_equal(latents(3, 1025, 10)[:4], latents(3, 4, 10))


@pytest.mark.parametrize("start", [1, 2, 500, 1024])
def test_rows_do_not_depend_on_where_drawing_starts(start: int) -> None:
    np.testing.assert_array_equal(latents(3, 1, 10, start=start), latents(3, 1025, 10)[start : start + 1])


def test_every_third_row_is_the_same_as_in_the_whole_table() -> None:
    np.testing.assert_array_equal(latents(3, 4, 10, start=2, step=3), latents(3, 12, 10)[2::3])


@pytest.mark.parametrize(("n", "step"), [(1, 0), (2, -1), (3, 2**63)])
def test_step_outside_the_table_is_refused(n: int, step: int) -> None:
    with pytest.raises(InputError, match="step is|n asks for rows 0 to"):
        latents(0, n, 4, step=step)


@pytest.mark.parametrize("dim", [1, 3, 4, 5])
def test_fewer_dimensions_are_a_cut(dim: int) -> None:
    np.testing.assert_array_equal(latents(3, 5, dim), latents(3, 5, 8)[:, :dim])


def test_seeds_differ_in_both_words() -> None:
    rows = [latents(seed, 1, 4).tobytes() for seed in (0, 1, 2**32, 2**32 + 1)]

    assert len(set(rows)) == 4


def test_last_row_of_the_table_can_be_drawn() -> None:
    assert np.isfinite(latents(2**64 - 1, 1, 4, start=2**64 - 1)).all()


def test_nothing_can_be_drawn_at_the_end_of_the_table() -> None:
    assert latents(0, 0, 4, start=2**64).shape == (0, 4)


@pytest.mark.parametrize(
    ("seed", "n", "start"),
    [(-1, 1, 0), (2**64, 1, 0), (0, -1, 0), (0, 1, -1), (0, 2, 2**64 - 1), (0, 1, 2**64)],
)
def test_number_out_of_range_raises_input_error(seed: int, n: int, start: int) -> None:
    with pytest.raises(InputError, match="^(seed|n|start) "):
        latents(seed, n, 4, start=start)


def test_negative_dimension_raises_input_error() -> None:
    with pytest.raises(InputError, match="-1"):
        latents(0, 1, -1)


def test_moments_are_those_of_a_standard_normal() -> None:
    drawn = latents(7, 50_000, 4).astype(np.float64)

    assert np.abs(drawn.mean(axis=0)).max() < 0.02
    assert np.abs(drawn.var(axis=0) - 1).max() < 0.03
    assert np.abs((drawn**3).mean(axis=0)).max() < 0.06
    assert np.abs((drawn**4).mean(axis=0) - 3).max() < 0.2


def test_dimensions_are_not_correlated() -> None:
    correlation = np.corrcoef(latents(7, 50_000, 8), rowvar=False)

    assert np.abs(correlation - np.eye(8)).max() < 0.02
