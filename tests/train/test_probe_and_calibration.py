from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.train.small import narrow_config
from vaeport.contract import Shapes
from vaeport_train.data import Split
from vaeport_train.evaluation import ProbeAccuracies, confidence_calibration, probe_accuracies
from vaeport_train.networks.vae import ConditionalVAE

SHAPES = Shapes((1, 2, 2), 2, 2)


class _Encoder(torch.nn.Module):
    """A posterior mean that the test decides."""

    def __init__(self, mean: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.mean = mean

    def forward(self, image: Tensor, class_probs: Tensor) -> tuple[Tensor, Tensor]:
        mean = self.mean(image)
        return mean, torch.zeros_like(mean)


class _Classifier(torch.nn.Module):
    """Says class 1 where the first pixel is lit, always with the same confidence."""

    def __init__(self, confidence: float) -> None:
        super().__init__()
        self.odds = float(np.log(confidence / (1 - confidence)))

    def forward(self, image: Tensor, *, shifted: bool = True) -> Tensor:
        lit = image[:, 0, 0, 0]
        return torch.stack([torch.zeros_like(lit), (2 * lit - 1) * self.odds], dim=1)


def _network() -> ConditionalVAE:
    return ConditionalVAE(narrow_config("network.latent_dim=2").network, SHAPES)


def _split(n: int, *, right: float = 1.0) -> Split:
    """The first pixel tells the class, in a share of the images."""
    rng = np.random.default_rng(n)
    images = rng.integers(0, 256, (n, *SHAPES.image), np.uint8)
    labels = rng.integers(0, 2, n)
    shown = np.where(np.arange(n) < right * n, labels, 1 - labels)
    images[:, 0, 0, 0] = shown * 255
    return Split(images, labels)


def test_class_that_the_latent_tells_is_read() -> None:
    network = _network()
    network.add_module("encoder", _Encoder(lambda image: image[:, 0, 0]))

    assert probe_accuracies(network, _split(400), _split(300)) == ProbeAccuracies(linear=1, mlp=1)


def test_class_that_the_latent_does_not_tell_stays_at_chance() -> None:
    network = _network()
    network.add_module("encoder", _Encoder(lambda image: image[:, 0, 1]))

    found = probe_accuracies(network, _split(2000), _split(3000))

    assert (found.linear, found.mlp) == pytest.approx((0.5, 0.5), abs=0.05)


def _same_mean(image: Tensor) -> Tensor:
    """Class 1 lies on both sides of class 0, so that both classes have their mean at 0."""
    side = (image[:, 0, 1] > 0.5).float() * 2 - 1
    return image[:, 0, :1, 0].expand(-1, 2) * side


def test_class_that_shows_in_no_mean_is_read_by_the_mlp_alone() -> None:
    network = _network()
    network.add_module("encoder", _Encoder(_same_mean))

    found = probe_accuracies(network, _split(2000), _split(3000))

    assert found.linear < 0.8
    assert found.mlp == 1


def test_probes_are_the_same_again_and_leave_the_callers_randomness() -> None:
    network, before = _network(), torch.random.get_rng_state()

    first, second = (probe_accuracies(network, _split(300), _split(200)) for _ in range(2))

    assert first == second
    assert torch.equal(torch.random.get_rng_state(), before)


def test_confidence_that_is_right_as_often_as_it_says_is_calibrated() -> None:
    network = _network()
    network.add_module("classifier", _Classifier(0.8))

    assert confidence_calibration(network, _split(500, right=0.8)).expected_calibration_error == pytest.approx(
        0, abs=1e-6
    )


def test_calibration_error_is_the_gap_between_confidence_and_accuracy() -> None:
    network = _network()
    network.add_module("classifier", _Classifier(0.95))

    assert confidence_calibration(network, _split(500, right=0.6)).expected_calibration_error == pytest.approx(
        0.35, abs=1e-6
    )


def test_full_coverage_has_the_error_of_all_images() -> None:
    network = _network()
    network.add_module("classifier", _Classifier(0.9))

    found = confidence_calibration(network, _split(200, right=0.75))

    assert found.coverage[0] == 1
    assert found.error_at_coverage[0] == pytest.approx(0.25)
    assert found.confidence_at_coverage[0] == pytest.approx(0.9)
