from typing import Any

import numpy as np
import pytest

from tests.parity.reporting.made import row
from vaeport_parity.judging.figures import ULP_EDGES, comparable, figures, ulp_distance


def test_ulp_distance_counts_float32_numbers_between() -> None:
    one, tiny = np.float32(1), np.finfo(np.float32).smallest_subnormal
    given = np.array([one, np.nextafter(one, np.float32(2)), -tiny, 0.0], np.float32)
    exact = np.array([1.0, 1.0, float(tiny), -0.0])

    assert ulp_distance(given, exact).tolist() == [0, 1, 2, 0]


def test_figures_of_known_errors() -> None:
    exact = np.array([[0.5, 0.25], [0.0, 1.0]])
    answers = np.array([[0.5, 0.375], [0.0, 1.0]], np.float32)

    found = figures([(answers, exact.astype(np.float32), exact)])

    assert found.error_float32 == found.error_float64 == found.max_abs == 0.125
    assert found.max_relative == 0.25
    assert found.median == 0
    assert found.psnr == pytest.approx(-10 * np.log10(0.125**2 / 4))
    assert found.ulps == (3, *(0,) * (len(ULP_EDGES) - 1), 1)


def test_answer_that_is_no_number_is_infinitely_wrong() -> None:
    exact = np.zeros((2, 3))
    answers = np.array([[0, 0, np.nan], [0, 0, 0]], np.float32)

    found = figures([(answers, exact.astype(np.float32), exact)])

    assert found.max_abs == found.max_relative == float("inf")
    assert found.psnr == float("-inf")


@pytest.mark.parametrize(
    "changes",
    [{"failed": "batch 2: no"}, {"repeatable": False}, {"flips": 1}, {"alone": 5e-7}, {"mismatches": 1, "exact": True}],
)
def test_row_holds_only_if_everything_does(changes: dict[str, Any]) -> None:
    assert row().holds
    assert not row(**changes).holds


def test_figures_of_several_sets_are_of_all_their_values() -> None:
    one, ten = np.ones((1, 2)), np.full((2, 2), 10.0)

    found = figures([(one + 0.5, one, one), (ten, ten + 4, ten)])

    assert (found.error_float32, found.error_float64, found.max_abs) == (4, 0.5, 4)
    assert found.max_relative == 0.5
    assert (found.median, found.ulps[0], found.ulps[-1]) == (0, 4, 2)
    assert found.percentile_999 == 0.5
    assert found.psnr == pytest.approx(-10 * np.log10(2 * 0.25 / 6))


def test_steps_are_counted_in_bins_that_begin_at_their_edges() -> None:
    steps = np.array([0, 1, 2, 3, 4, 7, 8, 15, 16, 63, 64, 255, 256, 9999])
    exact = np.ones(len(steps))
    answers = (np.float32(1).view(np.int32) + steps).astype(np.int32).view(np.float32)

    assert figures([(answers, exact.astype(np.float32), exact)]).ulps == (1, 1, 2, 2, 2, 2, 2, 2)


@pytest.mark.parametrize("parts", [[], [(np.zeros((0, 3)),) * 3]])
def test_figures_of_nothing_are_those_of_exact_answers(parts: Any) -> None:
    found = figures(parts)

    assert (found.max_abs, found.max_relative, found.median, found.percentile_999) == (0, 0, 0, 0)
    assert (found.ulps, found.psnr) == ((0,) * 8, float("inf"))


def test_figures_of_an_infinite_error_leave_nothing_else_to_tell() -> None:
    right = np.ones((2, 2))

    found = figures([(right + 1, right, right), (right * np.inf, right, right)])

    assert (found.error_float32, found.median, found.percentile_999) == (float("inf"),) * 3
    assert (found.ulps, found.psnr) == ((0,) * 8, float("-inf"))


def test_numbers_without_an_axis_have_figures_too() -> None:
    found = figures([(np.float32(1.5), np.float32(1), np.float64(2))])  # type: ignore[list-item]

    assert (found.error_float32, found.error_float64, found.max_relative) == (0.5, 0.5, 0.25)


def test_difference_is_related_to_the_largest_value_of_its_row() -> None:
    exact = np.array([[0.0, -8.0], [2.0, 1.0], [0.0, 0.0]])
    answers = exact + np.array([[2.0, 0.0], [0.0, 0.25], [9.0, 0.0]])

    assert figures([(answers, exact, exact)]).max_relative == 0.25


def test_same_infinities_and_no_numbers_agree() -> None:
    a = np.array([np.inf, -np.inf, np.nan, 1.0, np.inf])
    b = np.array([np.inf, -np.inf, np.nan, 2.0, -np.inf])

    left, right = comparable(a, b)

    assert left.tolist() == [0, 0, 0, 1, float("inf")]
    assert right.tolist() == [0, 0, 0, 2, -float("inf")]


def test_third_array_must_agree_as_well() -> None:
    infinite = np.array([np.inf, np.nan])

    *_, third = comparable(infinite, infinite, np.array([np.inf, 0.0]))

    assert third.tolist() == [0, 0]
    assert np.isnan(comparable(infinite, infinite, np.array([np.inf, 0.0]))[0]).tolist() == [False, True]


@pytest.mark.parametrize("others", [np.zeros(2), np.array([1, 2, 3]), np.array([True, False, True])])
def test_arrays_of_other_shapes_or_of_integers_are_given_back(others: Any) -> None:
    first = np.array([np.inf, 0, 1])

    found = comparable(first, others)

    assert found[0] is first
    assert found[1] is others


def test_set_without_rows_adds_nothing() -> None:
    nothing, one = np.zeros((0, 2)), np.ones((1, 2))

    found = figures([(nothing, nothing, nothing), (one + 0.25, one, one)])

    assert (found.max_relative, found.median, found.max_abs) == (0.25, 0.25, 0.25)
