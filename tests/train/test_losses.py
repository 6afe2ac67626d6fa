import pytest
import torch
from torch import Tensor
from torch.distributions import Bernoulli, Independent, Normal, kl_divergence

from tests.train.small import narrow_config
from vaeport.contract import Shapes
from vaeport_train.configuration.config import ObjectiveConfig
from vaeport_train.networks.vae import ConditionalVAE, Posterior
from vaeport_train.objective.augmentation import Views
from vaeport_train.objective.losses import compute_losses, kl_by_dimension, recognition_loss, reconstruction_nats

SHAPE = (6, 1, 28, 28)


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def objective(*settings: str, preset: str = "mlp") -> ObjectiveConfig:
    return narrow_config(*settings, preset=preset).objective


def network(preset: str = "mlp") -> ConditionalVAE:
    torch.manual_seed(0)
    return ConditionalVAE(narrow_config(preset=preset).network, Shapes((1, 28, 28), 4, 10)).double()


def plain(image: Tensor) -> Views:
    return Views(image, image, image)


@pytest.mark.parametrize("std", [0.5, 1.0, 0.1])
def test_normal_reconstruction_is_the_negative_log_density(std: float) -> None:
    logits, image = random(*SHAPE), random(*SHAPE, seed=1).sigmoid()

    nats = reconstruction_nats(logits, image, objective(f"objective.likelihood_std={std}", preset="blog"))

    log_prob: Tensor = Independent(Normal(logits.sigmoid(), std), 3).log_prob(image)  # type: ignore[no-untyped-call]
    torch.testing.assert_close(nats, -log_prob)


def test_bernoulli_reconstruction_of_black_and_white_is_the_negative_log_probability() -> None:
    logits, image = random(*SHAPE), (random(*SHAPE, seed=1) > 0).double()

    nats = reconstruction_nats(logits, image, objective("objective.likelihood=bernoulli"))

    log_prob: Tensor = Independent(Bernoulli(logits=logits), 3).log_prob(image)  # type: ignore[no-untyped-call]
    torch.testing.assert_close(nats, -log_prob)


def test_bernoulli_reconstruction_takes_grey_as_a_soft_bit() -> None:
    logits, grey = random(*SHAPE), random(*SHAPE, seed=1).sigmoid()
    p = logits.sigmoid()

    nats = reconstruction_nats(logits, grey, objective("objective.likelihood=bernoulli"))

    torch.testing.assert_close(nats, -(grey * p.log() + (1 - grey) * (1 - p).log()).sum((1, 2, 3)))


def test_kl_is_the_divergence_from_the_standard_normal() -> None:
    mean, logvar = random(7, 10), random(7, 10, seed=1)

    nats = kl_by_dimension(Posterior(mean, logvar)).sum(1)

    expected = kl_divergence(Normal(mean, (0.5 * logvar).exp()), Normal(torch.zeros(10), torch.ones(10)))
    torch.testing.assert_close(nats, expected.sum(1))


def test_kl_of_the_prior_is_zero() -> None:
    assert kl_by_dimension(Posterior(torch.zeros(2, 3), torch.zeros(2, 3))).tolist() == [[0.0] * 3] * 2


def test_objective_is_elbo_plus_weighted_cross_entropy() -> None:
    config, label = objective(preset="blog"), torch.tensor([3, 1, 4, 1, 5, 9])

    losses = compute_losses(network("blog"), plain(random(*SHAPE).sigmoid()), label, random(6, 4), config)

    log_probs = network("blog").classify(random(*SHAPE).sigmoid()).log_softmax(1)
    cross_entropy = -log_probs[torch.arange(6), label]
    torch.testing.assert_close(losses.cross_entropy, cross_entropy)
    expected = (losses.reconstruction + losses.kl).mean() + 10 * cross_entropy.mean()
    torch.testing.assert_close(losses.objective(config), expected)


def test_decoder_is_given_what_the_configuration_says() -> None:
    views, noise = plain(random(*SHAPE).sigmoid()), random(6, 4)

    zeros, ones = (
        {
            preset: compute_losses(network(), views, label, noise, objective(preset=preset)).reconstruction
            for preset in ("mlp", "blog")
        }
        for label in (torch.zeros(6).long(), torch.ones(6).long())
    )

    assert not torch.equal(zeros["mlp"], ones["mlp"])
    assert torch.equal(zeros["blog"], ones["blog"])


def test_recognition_loss_teaches_the_decoder_alone() -> None:
    made = network()

    recognition_loss(made, random(6, 4), torch.arange(6)).sum().backward()  # type: ignore[no-untyped-call]

    assert all(weight.grad is not None and weight.grad.abs().sum() > 0 for weight in made.decoder.parameters())
    others = [*made.classifier.parameters(), *made.encoder.parameters()]
    assert all(weight.grad is None for weight in others)


def test_recognition_loss_is_the_cross_entropy_of_what_is_drawn() -> None:
    made, z, label = network(), random(6, 4), torch.arange(6)

    drawn = made.decode(z, torch.eye(10, dtype=torch.float64)[label]).sigmoid()
    expected = -made.classify(drawn).log_softmax(1)[torch.arange(6), label]

    torch.testing.assert_close(recognition_loss(made, z, label), expected)


def test_classifier_is_shown_drawn_images_distorted() -> None:
    made, z, label = network(), random(6, 4), torch.arange(6)

    blank = recognition_loss(made, z, label, torch.zeros_like)

    expected = -made.classify(torch.zeros(SHAPE).double()).log_softmax(1)[torch.arange(6), label]
    torch.testing.assert_close(blank, expected)


def test_kl_weight_scales_the_kl_of_what_is_minimised_alone() -> None:
    made, views, label, noise = network(), plain(random(*SHAPE).sigmoid()), torch.arange(6), random(6, 4)

    light = compute_losses(made, views, label, noise, objective(), kl_weight=0.2)

    torch.testing.assert_close(light.surrogate, light.reconstruction + 0.2 * light.kl)


def test_smoothed_cross_entropy_is_of_a_spread_target_and_of_training_alone() -> None:
    made, views, label, noise = network(), plain(random(*SHAPE).sigmoid()), torch.arange(6), random(6, 4)
    smooth = objective("objective.label_smoothing=0.1")
    log_probs = made.classify(views.classified).log_softmax(1)

    trained, measured = (compute_losses(made.train(mode), views, label, noise, smooth) for mode in (True, False))

    target = torch.eye(10).double()[label] * 0.9 + 0.01
    torch.testing.assert_close(trained.cross_entropy, -(target * log_probs).sum(1))
    torch.testing.assert_close(measured.cross_entropy, -log_probs[torch.arange(6), label])
