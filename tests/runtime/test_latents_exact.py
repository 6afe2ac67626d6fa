"""Latents to the bit, the bounds of their table, and the arc between two of them as its formula has it."""

import math

import numpy as np
import pytest

from vaeport import latents
from vaeport.common.arrays import MOST_VALUES
from vaeport.errors import InputError
from vaeport.model.latents import _box_muller, spherical

_END = 2**64 - 1
"""Number of the last row."""

# Philox words and the contract's rule in Python's own numbers, rounded to float32; none is near the middle between two.
ROWS = [
    (0, 0, "0x1.fb76660000000p-1 -0x1.d96d600000000p-1 -0x1.3c373e0000000p-1 -0x1.eda3640000000p-2"),
    (1, 0, "0x1.8587c60000000p-2 -0x1.2f63780000000p-2 -0x1.fe6e180000000p-3 -0x1.00fb7a0000000p+0"),
    (20180, 5, "-0x1.a750160000000p-3 -0x1.3161fa0000000p-1 0x1.f4e86a0000000p-5 -0x1.0b4e1c0000000p-2"),
    (2**32 + 5, 2**32 + 7, "-0x1.9752840000000p-1 0x1.40f6e00000000p-1 0x1.c369380000000p-3 0x1.4482ba0000000p-2"),
    (2**64 - 1, 2**64 - 1, "-0x1.958c6a0000000p+0 0x1.2f7c220000000p-1 0x1.27d6bc0000000p-2 0x1.40b0900000000p+0"),
]


def _row(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


@pytest.mark.parametrize(("seed", "row", "numbers"), ROWS)
def test_rows_have_these_bits(seed: int, row: int, numbers: str) -> None:
    assert [value.hex() for value in latents(seed, 1, 4, start=row)[0].tolist()] == numbers.split()


def test_smallest_word_is_counted_as_one() -> None:
    radius = _box_muller(np.array([[0, 0, 1, 0]], np.uint64))[0, [0, 2]]

    np.testing.assert_allclose(radius, [math.sqrt(64 * math.log(2)), math.sqrt(62 * math.log(2))], rtol=1e-15)


def test_largest_word_has_no_radius() -> None:
    np.testing.assert_array_equal(_box_muller(np.array([[2**32 - 1, 5, 2**32 - 1, 7]], np.uint64)), np.zeros((1, 4)))


def test_second_word_is_the_angle() -> None:
    turns = _box_muller(np.array([[0, 2**30, 0, 2**31]], np.uint64)) / math.sqrt(64 * math.log(2))

    np.testing.assert_allclose(turns, [[0, 1, -1, 0]], atol=1e-15)


def test_first_row_and_the_next_ones_are_the_default() -> None:
    np.testing.assert_array_equal(latents(3, 2, 4), latents(3, 2, 4, start=0, step=1))


@pytest.mark.parametrize(("n", "start", "step"), [(1, _END, 2**63), (2, _END - 5, 5), (4, _END - 6, 2), (2, 0, _END)])
def test_last_row_of_the_table_may_be_stepped_on(n: int, start: int, step: int) -> None:
    np.testing.assert_array_equal(
        latents(3, n, 4, start=start, step=step)[-1:], latents(3, 1, 4, start=start + (n - 1) * step)
    )


@pytest.mark.parametrize(("n", "start", "step"), [(2, _END - 4, 5), (4, _END - 5, 2), (0, 2**64 + 1, 2), (2, 1, _END)])
def test_row_beyond_the_table_is_refused(n: int, start: int, step: int) -> None:
    with pytest.raises(InputError, match=r"2\*\*64"):
        latents(3, n, 4, start=start, step=step)


@pytest.mark.parametrize(("n", "dim"), [(MOST_VALUES + 1, 1), (MOST_VALUES + 1, 0), (MOST_VALUES // 4, 5)])
def test_more_numbers_than_memory_could_hold_are_refused(n: int, dim: int) -> None:
    with pytest.raises(InputError, match="too many at once"):
        latents(0, n, dim)


@pytest.mark.parametrize("n", [3, MOST_VALUES])
def test_latents_of_no_dimension_are_empty(n: int) -> None:
    assert latents(0, n, 0).shape == (n, 0)


def test_rows_are_the_same_where_drawing_is_cut() -> None:
    rows, dim = 2**17 // 2 + 2, 8  # one more than are drawn together, and another

    drawn = latents(3, rows, dim, start=5, step=3)

    for row in (0, rows - 3, rows - 2, rows - 1):
        np.testing.assert_array_equal(drawn[row], latents(3, 1, dim, start=5 + 3 * row)[0])


def test_row_longer_than_is_drawn_together_is_drawn_whole() -> None:
    np.testing.assert_array_equal(latents(3, 2, 2**19 + 5)[:, :8], latents(3, 2, 8))


def test_middle_of_an_arc_is_weighed_by_sines() -> None:
    path = spherical(_row(3, 0), _row(1, 1), 3)  # 45 degrees

    weight = math.sin(math.pi / 8) / math.sin(math.pi / 4)
    np.testing.assert_allclose(path[1], [4 * weight, weight], rtol=1e-6)


def test_arc_may_be_longer_than_a_quarter() -> None:
    path = spherical(_row(1, 0), _row(-2, 2), 3)  # 135 degrees

    weight = math.sin(3 * math.pi / 8) / math.sin(3 * math.pi / 4)
    np.testing.assert_allclose(path[1], [-weight, 2 * weight], rtol=1e-6)


@pytest.mark.parametrize("sign", [1, -1])
def test_cosine_that_rounds_past_one_is_no_error(sign: int) -> None:
    end = _row(*next(row for row in np.arange(1, 60)[:, None] / 7 * [1, 2, 3] if _cosine(row) > 1))

    np.testing.assert_allclose(spherical(end, sign * end, 3)[1], (1 + sign) / 2 * end, atol=1e-5)


def _cosine(row: np.ndarray) -> float:
    """Of the angle between a row and itself, as it is computed."""
    wide = row.astype(np.float32).astype(np.float64)
    return float(wide @ wide / float(np.linalg.norm(wide) * np.linalg.norm(wide)))
