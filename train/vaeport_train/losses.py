"""The objective in nats: reconstruction + KL + weight x cross-entropy, each kept apart for the record."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from .config import ObjectiveConfig
from .networks import ConditionalVAE, Posterior
from .views import Views


@dataclass(frozen=True, eq=False)
class Losses:
    """Terms of a batch, one number an image."""

    reconstruction: Tensor
    """-log p(x | z, y), float [N], nats."""
    kl_by_dimension: Tensor
    """KL(Q(z | x) || N(0, I)) of each latent dimension, float [N, Z], nats."""
    cross_entropy: Tensor
    """-log of the classifier's probability for the true class, float [N], nats."""
    correct: Tensor
    """Whether the classifier's best class is the true one, bool [N]."""

    @property
    def kl(self) -> Tensor:
        """KL of all dimensions together, float [N], nats."""
        return self.kl_by_dimension.sum(1)

    def objective(self, config: ObjectiveConfig) -> Tensor:
        """What training minimises: the batch mean of the negative ELBO plus the weighted cross-entropy."""
        return (self.reconstruction + self.kl).mean() + config.classification_weight * self.cross_entropy.mean()


def compute_losses(
    network: ConditionalVAE,
    views: Views,
    label: Tensor,
    noise: Tensor,
    config: ObjectiveConfig,
    *,
    condition: str = "",
) -> Losses:
    """Run the three networks on a batch.

    Args:
        network: the networks.
        views: what each network is shown.
        label: int64 [N], true classes.
        noise: float [N, Z], standard normal, for one sample of z an image.
        config: the objective.
        condition: `classifier` or `label`, where it shall differ from the objective's.
    """
    logits = network.classify(views.classified)
    if (condition or config.decoder_condition) == "classifier":
        class_probs = logits.softmax(dim=1)
    else:
        class_probs = functional.one_hot(label, logits.shape[1]).to(logits.dtype)
    posterior = network.encode(views.encoded, class_probs)
    decoded = network.decode(posterior.sample(noise), class_probs)
    return Losses(
        reconstruction=reconstruction_nats(decoded, views.target, config),
        kl_by_dimension=kl_by_dimension(posterior),
        cross_entropy=functional.cross_entropy(logits, label, reduction="none"),
        correct=logits.argmax(dim=1) == label,
    )


def recognition_loss(network: ConditionalVAE, z: Tensor, label: Tensor) -> Tensor:
    """Cross-entropy of the classifier on images drawn from z as the given labels, a scalar in nats.

    Its gradient reaches the decoder and stops at the classifier's weights: it asks what reconstruction never does,
    that any latent of the prior be drawn as any class, and does not teach the classifier to be pleased.

    Args:
        network: the networks.
        z: float [N, Z], drawn from the prior.
        label: int64 [N], drawn at random.
    """
    class_probs = functional.one_hot(label, network.shapes.classes).to(z.dtype)
    drawn = network.decode(z, class_probs).sigmoid()
    frozen = {name: weight.detach() for name, weight in network.classifier.named_parameters()}
    was_training = network.classifier.training
    network.classifier.eval()  # drawn images must not enter the statistics of its normalisation
    logits = torch.func.functional_call(network.classifier, frozen, (drawn,), {"shifted": False})
    network.classifier.train(was_training)
    return functional.cross_entropy(logits, label)


def reconstruction_nats(logits: Tensor, image: Tensor, config: ObjectiveConfig) -> Tensor:
    """-log p(x | z, y), summed over pixels: float [N], nats."""
    if config.likelihood == "bernoulli":
        return functional.binary_cross_entropy_with_logits(logits, image, reduction="none").flatten(1).sum(1)
    std = config.likelihood_std
    squared = ((logits.sigmoid() - image) / std).square().flatten(1).sum(1)
    return 0.5 * squared + image[0].numel() * (math.log(std) + 0.5 * math.log(2 * math.pi))


def kl_by_dimension(posterior: Posterior) -> Tensor:
    """KL from a diagonal Gaussian to N(0, I) in closed form, a term a dimension: float [N, Z], nats."""
    mean, logvar = posterior
    return 0.5 * (mean.square() + torch.exp(logvar) - 1 - logvar)
