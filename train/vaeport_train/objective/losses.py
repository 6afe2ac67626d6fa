"""The objective in nats: reconstruction + KL + weight x cross-entropy, each kept apart for the record."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from ..configuration.config import ObjectiveConfig
from ..networks.vae import ConditionalVAE, Posterior
from .augmentation import Views
from .importance import importance_weighted


@dataclass(frozen=True, eq=False)
class Losses:
    """Terms of a batch, one number an image: M that the VAE was shown, N that the classifier was shown."""

    surrogate: Tensor
    """What the VAE minimises, float [M]; its value means something only where it is the negative ELBO."""
    reconstruction: Tensor
    """-log p(x | z, y), mean over the latents of an image, float [M], nats."""
    kl_by_dimension: Tensor
    """KL(Q(z | x) || N(0, I)) of each latent dimension, float [M, Z], nats."""
    cross_entropy: Tensor
    """-log of the classifier's probability for the true class, float [N], nats; smoothed where training asks for it."""
    correct: Tensor
    """Whether the classifier's best class is the true one, bool [N]."""

    @property
    def kl(self) -> Tensor:
        """KL of all dimensions together, float [M], nats."""
        return self.kl_by_dimension.sum(1)

    def objective(self, config: ObjectiveConfig) -> Tensor:
        """What training minimises: the batch mean of the VAE's part plus the weighted cross-entropy."""
        return self.surrogate.mean() + config.classification_weight * self.cross_entropy.mean()


def compute_losses(
    network: ConditionalVAE,
    views: Views,
    label: Tensor,
    noise: Tensor,
    config: ObjectiveConfig,
    *,
    condition: str = "",
    kl_weight: float = 1.0,
) -> Losses:
    """Run the three networks on a batch.

    Args:
        network: the networks.
        views: what each network is shown; the VAE the first M of the N images, which may be all.
        label: int64 [N], true classes.
        noise: float [M, Z], standard normal, for one sample of z an image; or [S, M, Z] for S samples and the
            importance-weighted bound.
        config: the objective.
        condition: `classifier` or `label`, where it differs from the objective's.
        kl_weight: of the KL in what the ELBO minimises.
    """
    answers = network.answers(views.classified)
    logits = answers.mean(dim=0)
    encoded = len(views.encoded)
    if (condition or config.decoder_condition) == "classifier":
        class_probs = logits[:encoded].softmax(dim=1)
    else:
        class_probs = functional.one_hot(label[:encoded], logits.shape[1]).to(logits.dtype)
    posterior = network.encode(views.encoded, class_probs)
    kl = kl_by_dimension(posterior)
    if noise.ndim == 3:
        target = views.target.repeat(len(noise), 1, 1, 1)
        surrogate, reconstruction = importance_weighted(
            network, posterior, class_probs, noise, lambda decoded: reconstruction_nats(decoded, target, config)
        )
    else:
        decoded = network.decode(posterior.sample(noise), class_probs)
        reconstruction = reconstruction_nats(decoded, views.target, config)
        surrogate = reconstruction + kl_weight * kl.sum(1)
    return Losses(
        surrogate=surrogate,
        reconstruction=reconstruction,
        kl_by_dimension=kl,
        cross_entropy=_cross_entropy(answers, label, config.label_smoothing if network.training else 0.0),
        correct=logits.argmax(dim=1) == label,
    )


def recognition_loss(
    network: ConditionalVAE, z: Tensor, label: Tensor, distortion: Callable[[Tensor], Tensor] | None = None
) -> Tensor:
    """Cross-entropy of the classifier on images drawn from z as the given labels, float [N], nats.

    Its gradient reaches the decoder and stops at the classifier's weights: it asks what reconstruction never does,
    that any latent of the prior be drawn as any class, and does not teach the classifier to be pleased.

    Args:
        network: the networks.
        z: float [N, Z], drawn from the prior.
        label: int64 [N], drawn at random.
        distortion: shows the classifier the drawn images as it is shown others, which makes it harder to please with
            what is no digit.
    """
    class_probs = functional.one_hot(label, network.shapes.classes).to(z.dtype)
    drawn = network.decode(z, class_probs).sigmoid()
    shown = distortion(drawn) if distortion else drawn
    frozen = {name: weight.detach() for name, weight in network.classifier.named_parameters()}
    was_training = network.classifier.training
    network.classifier.eval()  # drawn images must not enter the statistics of its normalisation
    logits = torch.func.functional_call(network.classifier, frozen, (shown,))
    network.classifier.train(was_training)
    return functional.cross_entropy(logits, label, reduction="none")


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


def _cross_entropy(answers: Tensor, label: Tensor, smoothing: float) -> Tensor:
    """Mean over the answers [A, N, K] of several classifiers, each learning for itself: float [N]."""
    each = [functional.cross_entropy(logits, label, reduction="none", label_smoothing=smoothing) for logits in answers]
    return torch.stack(each).mean(0)
