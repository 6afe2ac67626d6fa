import dataclasses
import math

import numpy as np
import pytest
import torch

from tests.train.small import narrow_config
from vaeport.contract import Shapes
from vaeport.errors import InputError
from vaeport_train.data import Split
from vaeport_train.evaluation import importance_weighted
from vaeport_train.networks import ConditionalVAE

SHAPES = Shapes((1, 2, 2), 1, 2)


def _network() -> ConditionalVAE:
    torch.manual_seed(0)
    return ConditionalVAE(narrow_config("network.latent_dim=1").network, SHAPES).eval()


def _black_and_white(n: int = 6) -> Split:
    rng = np.random.default_rng(0)
    return Split(rng.integers(0, 2, (n, *SHAPES.image), np.uint8) * 255, rng.integers(0, 2, n))


def _by_quadrature(network: ConditionalVAE, split: Split, label: int | None = None) -> torch.Tensor:
    """log p(x | y) of each image under a model with one latent, by integrating over it."""
    z = torch.linspace(-8, 8, 4001)[:, None]
    values = []
    for image, own in zip(torch.from_numpy(split.images).float() / 255, split.labels, strict=True):
        one_hot = torch.eye(2)[own if label is None else label].expand(len(z), -1)
        with torch.no_grad():
            logits = network.decode(z, one_hot)
        bits = image.expand_as(logits)
        log_x = -torch.nn.functional.binary_cross_entropy_with_logits(logits, bits, reduction="none").sum((1, 2, 3))
        log_prior = -0.5 * z[:, 0].square() - 0.5 * math.log(2 * math.pi)
        values.append((log_x + log_prior).double().logsumexp(0) + math.log(16 / 4000))
    return torch.stack(values)


def test_many_samples_give_the_integral() -> None:
    network, split = _network(), _black_and_white()

    found = importance_weighted(network, split, narrow_config().objective, samples=5000)

    assert found.nll_given_label == pytest.approx(-_by_quadrature(network, split).mean().item(), abs=0.01)


def test_marginal_is_the_mean_over_classes() -> None:
    network, split = _network(), _black_and_white()

    found = importance_weighted(network, split, narrow_config().objective, samples=5000, all_classes=True)

    both = torch.stack([_by_quadrature(network, split, label) for label in (0, 1)])
    assert found.nll == pytest.approx(-(both.logsumexp(0) - math.log(2)).mean().item(), abs=0.01)


def test_one_sample_is_a_looser_bound_than_many() -> None:
    network, split, objective = _network(), _black_and_white(200), narrow_config().objective

    one, many = (importance_weighted(network, split, objective, samples=k).nll_given_label for k in (1, 64))

    assert one > many


def test_density_of_a_normal_likelihood_is_refused() -> None:
    objective = dataclasses.replace(narrow_config().objective, likelihood="normal")

    with pytest.raises(InputError, match="Bernoulli likelihood, this model's is normal"):
        importance_weighted(_network(), _black_and_white(), objective, samples=1)
