"""Errors and class flips, with everything that is not a plain number counted against the answer."""

import numpy as np
import pytest
from numpy.typing import NDArray

from vaeport.checks.comparison import error_ratio, flipped_rows, max_abs_error, psnr


def test_error_is_the_largest_difference() -> None:
    assert max_abs_error(np.array([1.0, -2.0]), np.array([1.5, 2.0])) == 4.0


def test_error_is_taken_in_float64() -> None:
    assert max_abs_error(np.array([1], np.float32), np.array([1 + 1e-12])) == pytest.approx(1e-12, rel=1e-3)


def test_nothing_has_no_error() -> None:
    assert max_abs_error(np.zeros((0, 3)), np.zeros((0, 3))) == 0


@pytest.mark.parametrize(
    ("actual", "expected"),
    [
        (np.zeros(2), np.zeros(3)),
        (np.zeros((1, 2)), np.zeros(2)),
        (np.array([np.nan]), np.array([0.0])),
        (np.array([0.0]), np.array([np.nan])),
        (np.array([np.nan]), np.array([np.nan])),
        (np.array([np.inf]), np.array([0.0])),
    ],
)
def test_other_shapes_and_no_numbers_are_infinitely_wrong(
    actual: NDArray[np.float64], expected: NDArray[np.float64]
) -> None:
    assert max_abs_error(actual, expected) == float("inf")


def test_two_equal_infinities_are_no_answer(recwarn: pytest.WarningsRecorder) -> None:
    assert max_abs_error(np.array([np.inf]), np.array([np.inf])) == float("inf")
    assert not [str(warning.message) for warning in recwarn]


def test_flip_counts_where_the_reference_leads_by_more_than_the_margin() -> None:
    expected = np.array([[0.9, 0.1], [0.5001, 0.4999], [0.2, 0.8]])
    actual = np.array([[0.1, 0.9], [0.4999, 0.5001], [0.2, 0.8]])

    assert flipped_rows(actual, expected, margin=0.01).sum() == 1
    assert flipped_rows(actual, expected, margin=0).sum() == 2


def test_another_shape_flips_every_row() -> None:
    assert flipped_rows(np.zeros((2, 3)), np.zeros((3, 3)), margin=0).sum() == 3


def test_no_rows_flip_nothing() -> None:
    assert flipped_rows(np.zeros((0, 3)), np.zeros((0, 3)), margin=0).sum() == 0


def test_lead_of_exactly_the_margin_is_no_flip() -> None:
    expected, actual = np.array([[0.75, 0.25]]), np.array([[0.25, 0.75]])

    assert flipped_rows(actual, expected, margin=0.5).tolist() == [False]
    assert flipped_rows(actual, expected, margin=0.49).tolist() == [True]


def test_peak_signal_to_noise_ratio_is_in_decibels_of_a_peak_of_one() -> None:
    assert psnr(np.full((2, 3), 0.6, np.float32), np.full((2, 3), 0.5)) == pytest.approx(20, abs=1e-5)


@pytest.mark.parametrize("shape", [(2, 3), (0, 3)])
def test_equal_values_have_no_noise(shape: tuple[int, int]) -> None:
    assert psnr(np.ones(shape), np.ones(shape)) == float("inf")


@pytest.mark.parametrize(
    ("error", "noise_floor", "ratio"), [(0, 0, 0), (0, 2, 0), (3, 2, 1.5), (3, 0, float("inf")), (1e-9, 1e-9, 1)]
)
def test_error_is_related_to_the_noise_floor(error: float, noise_floor: float, ratio: float) -> None:
    assert error_ratio(error, noise_floor) == ratio
