import dataclasses
import math

import numpy as np
import pytest
import torch

from tests.train.small import narrow_config
from vaeport.contract import Shapes
from vaeport.errors import InputError
from vaeport_train.data import Split
from vaeport_train.evaluation import Sampling, importance_weighted
from vaeport_train.networks.vae import ConditionalVAE

SHAPES = Shapes((1, 2, 2), 1, 2)
OBJECTIVE = narrow_config().objective


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

    found = importance_weighted(network, split, OBJECTIVE, Sampling(5000)).nll_given_label

    assert found.mean == pytest.approx(-_by_quadrature(network, split).mean().item(), abs=0.01)
    assert found.rough_mean > found.mean


def test_marginal_is_the_mean_over_classes() -> None:
    network, split = _network(), _black_and_white()

    found = importance_weighted(network, split, OBJECTIVE, Sampling(5000, all_classes=True)).nll

    both = torch.stack([_by_quadrature(network, split, label) for label in (0, 1)])
    assert found is not None
    assert found.mean == pytest.approx(-(both.logsumexp(0) - math.log(2)).mean().item(), abs=0.01)


def test_one_sample_is_a_looser_bound_than_many() -> None:
    one, many = (importance_weighted(_network(), _black_and_white(200), OBJECTIVE, Sampling(k)) for k in (1, 64))

    assert one.nll_given_label.mean > many.nll_given_label.mean


@pytest.mark.parametrize("all_classes", [False, True])
@pytest.mark.parametrize("rows", [1, 19, 21, 1000])
def test_estimate_does_not_depend_on_how_many_are_decoded_at_once(rows: int, all_classes: bool) -> None:
    sampling = Sampling(60, first_samples=20, subset=10, all_classes=all_classes)
    network, split = _network(), _black_and_white(30)

    found, other = (importance_weighted(network, split, OBJECTIVE, sampling, rows=r) for r in (rows, 64))

    assert found.nll_given_label.mean == pytest.approx(other.nll_given_label.mean, rel=1e-6)
    assert (found.nll is None) == (not all_classes)
    if found.nll and other.nll:
        assert found.nll.mean == pytest.approx(other.nll.mean, rel=1e-6)


def test_subset_estimates_what_all_images_would_give() -> None:
    network, split = _network(), _black_and_white(200)

    part, whole = (
        importance_weighted(network, split, OBJECTIVE, Sampling(500, first_samples=2, subset=n)) for n in (40, 200)
    )

    truth, found = whole.nll_given_label, part.nll_given_label
    assert abs(found.mean - truth.mean) < 4 * found.subset_error
    assert truth.subset_error == 0 < found.subset_error < found.rough_mean - truth.mean
    assert (part.images, part.subset, part.samples, part.first_samples) == (200, 40, 500, 2)


class _OneClassDraws(torch.nn.Module):
    """A decoder that draws white for class 1 and black for class 0, surely."""

    def forward(self, z: torch.Tensor, class_probs: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = (class_probs[:, 1] * 60 - 30)[:, None, None, None].expand(-1, *SHAPES.image)
        return logits + 0 * z.sum()


def test_class_that_is_out_of_play_is_not_refined() -> None:
    network, decoded = _network(), list[int]()
    network.add_module("decoder", _OneClassDraws())
    white = Split(np.full((3, *SHAPES.image), 255, np.uint8), np.ones(3, np.int64))

    sampling = Sampling(1000, first_samples=10, all_classes=True)
    found = importance_weighted(network, white, OBJECTIVE, sampling, progress=decoded.append)

    assert sum(decoded) == 3 * (2 * 10 + 990)
    assert found.nll is not None
    assert found.nll.mean == pytest.approx(math.log(2) + found.nll_given_label.mean, abs=1e-6)


def test_density_of_a_normal_likelihood_is_refused() -> None:
    objective = dataclasses.replace(OBJECTIVE, likelihood="normal")

    with pytest.raises(InputError, match="Bernoulli likelihood, this model's is normal"):
        importance_weighted(_network(), _black_and_white(), objective, Sampling(1))
