from typing import Any

import numpy as np
import pytest

from tests.parity.reporting.made import row
from vaeport_parity.judging.figures import ULP_EDGES, figures, ulp_distance


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
