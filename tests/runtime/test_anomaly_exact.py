"""Terms of the ELBO at numbers that can be worked out by hand, and the scale that they are placed on."""

import math

import numpy as np
import pytest

from vaeport.bundle.anomaly_scale import LEVELS, AnomalyCalibration, calibration_of
from vaeport.model.anomaly import kl_nats, reconstruction_nats, score
from vaeport.model.answers import AnomalyScores, Encoding

ONE_PIXEL = (1, 1, 1, 1)


def _bernoulli(image: float, drawn: float) -> float:
    images, drawings = (np.full(ONE_PIXEL, value, np.float32) for value in (image, drawn))
    return float(reconstruction_nats(images, drawings, likelihood="bernoulli", likelihood_std=1)[0])


@pytest.mark.parametrize(("image", "drawn"), [(1, 0), (0, 1)])
def test_impossible_pixel_costs_as_much_as_float32_can_tell(image: float, drawn: float) -> None:
    assert _bernoulli(image, drawn) == pytest.approx(24 * math.log(2), rel=1e-12)


@pytest.mark.parametrize(("image", "drawn", "nats"), [(1, 0.25, math.log(4)), (0, 0.25, -math.log(0.75))])
def test_pixel_costs_its_logarithm(image: float, drawn: float, nats: float) -> None:
    assert _bernoulli(image, drawn) == pytest.approx(nats, rel=1e-12)


def test_normal_likelihood_at_its_mean_is_its_constant() -> None:
    image = np.full((2, 1, 1, 3), 0.5, np.float32)

    nats = reconstruction_nats(image, image, likelihood="normal", likelihood_std=2)

    np.testing.assert_allclose(nats, [3 * (math.log(2) + 0.5 * math.log(2 * math.pi))] * 2, rtol=1e-12)


def test_normal_likelihood_counts_squares_of_standard_deviations() -> None:
    image, drawn = np.ones((1, 1, 1, 3), np.float32), np.zeros((1, 1, 1, 3), np.float32)
    constant = reconstruction_nats(image, image, likelihood="normal", likelihood_std=0.5)

    nats = reconstruction_nats(image, drawn, likelihood="normal", likelihood_std=0.5)

    np.testing.assert_allclose(nats - constant, [3 * 0.5 * 4], rtol=1e-12)


def test_kl_of_the_prior_is_nothing_and_of_others_its_closed_form() -> None:
    mean, logvar = np.array([[0, 0], [3, 0], [0, 0]], np.float32), np.array([[0, 0], [0, 0], [1, 0]], np.float32)

    np.testing.assert_allclose(kl_nats(mean, logvar), [0, 4.5, (math.e - 2) / 2], rtol=1e-12)


def test_score_sums_each_image_over_all_its_pixels() -> None:
    known = AnomalyCalibration("some", 2, "normal", 1.0, (0.0, 100.0), (0.0, 100.0))
    images, drawn = np.zeros((2, 2, 1, 2), np.float32), np.zeros((2, 2, 1, 2), np.float32)
    drawn[1, 1, 0, 1] = 2
    still = np.zeros((2, 3), np.float32)

    scores = score(images, Encoding(still, still, still), drawn, known)

    constant = 2 * math.log(2 * math.pi)
    np.testing.assert_allclose(scores.reconstruction, [constant, constant + 2], rtol=1e-12)
    np.testing.assert_allclose(scores.squared_error, [0, 1], rtol=1e-12)
    np.testing.assert_allclose(scores.percentile, scores.negative_elbo, rtol=1e-12)


def test_parts_are_joined_in_their_order() -> None:
    one, other = (AnomalyScores(*(np.array([value + place]) for place in range(4))) for value in (0.0, 10.0))

    both = AnomalyScores.joined([one, other])

    assert [both.reconstruction.tolist(), both.kl.tolist()] == [[0, 10], [1, 11]]
    assert [both.squared_error.tolist(), both.percentile.tolist()] == [[2, 12], [3, 13]]
    assert both.negative_elbo.tolist() == [1, 21]
    assert (len(both), len(AnomalyScores.joined([]))) == (2, 0)


def test_levels_are_finer_where_anomalies_begin() -> None:
    assert LEVELS[:4] == (0, 1, 5, 10)
    assert LEVELS[-9:] == (90, 95, 96, 97, 98, 99, 99.5, 99.9, 100)
    assert len(LEVELS) == 28


def test_scores_are_recorded_at_the_levels_in_ten_thousandths() -> None:
    scale = calibration_of(np.arange(1001) / 3, data="some", likelihood="normal", likelihood_std=0.5)

    assert (scale.data, scale.images, scale.likelihood, scale.likelihood_std) == ("some", 1001, "normal", 0.5)
    assert scale.levels == LEVELS
    assert scale.negative_elbo[:3] == (0, 3.3333, 16.6667)
    assert scale.negative_elbo[-2:] == (333.0, 333.3333)


def test_percentile_is_read_between_levels_and_cut_beyond_them() -> None:
    scale = AnomalyCalibration("some", 9, "normal", 1.0, (0.0, 50.0, 100.0), (10.0, 20.0, 40.0))

    assert scale.percentile(np.array([0, 10, 15, 20, 30, 40, 50])).tolist() == [0, 0, 25, 50, 75, 100, 100]
