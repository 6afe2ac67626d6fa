"""Figures of a network on labelled images: losses, errors, and what else was measured."""

from dataclasses import dataclass

import torch

from vaeport.bundle.anomaly_scale import AnomalyCalibration

from ..configuration.config import ObjectiveConfig
from ..data import Split
from ..data.batching import batches
from ..devices import in_float64
from ..networks.vae import ConditionalVAE
from ..objective.augmentation import evaluation_views
from ..objective.losses import compute_losses
from ..randomness import generator
from .conditional import ConditionalAccuracy
from .confidence import ConfidenceCalibration
from .estimates import wilson_interval
from .likelihood import Likelihood
from .probe import ProbeAccuracies

_BATCH = 1000


@dataclass(frozen=True)
class Figures:
    """Means over images; losses in nats an image, from one sample of z each."""

    images: int
    """How many images."""
    vae_loss: float
    """Reconstruction + KL, the decoder conditioned as in training."""
    reconstruction: float
    """-log p(x | z, y)."""
    kl: float
    """KL(Q(z | x) || N(0, I))."""
    kl_by_dimension: tuple[float, ...]
    """The KL's share of each latent dimension; one near 0 has collapsed and carries nothing."""
    negative_elbo_given_label: float
    """Reconstruction + KL with the true label given: a bound on -log p(x | y)."""
    cross_entropy: float
    """-log of the classifier's probability for the true class."""
    classification_loss: float
    """The cross-entropy times its weight in the objective."""
    classification_errors: int
    """Images whose best class is not the true one."""
    classification_error: float
    """Their share."""
    classification_error_95: tuple[float, float]
    """95 % interval of the share (Wilson, 1927)."""
    calibration: ConfidenceCalibration | None = None
    """Whether the classifier's confidence can be believed, where it was measured."""
    probe_accuracies: ProbeAccuracies | None = None
    """How well probes read the class from z_mean, where it was measured; chance means that none is left."""
    anomaly: AnomalyCalibration | None = None
    """The runtime's scale for unusual images, measured on held-out images only."""
    likelihood: Likelihood | None = None
    """Importance-weighted likelihood, where it was measured."""
    conditional_accuracy: ConditionalAccuracy | None = None
    """Whether drawn images show the requested class, where a judge was given; does not depend on the images above."""


def evaluate(network: ConditionalVAE, split: Split, config: ObjectiveConfig, *, seed: int = 0) -> Figures:
    """Measure a network in evaluation mode on images, the same noise for the same seed."""
    network.eval()
    sums = torch.zeros(5, dtype=torch.float64)
    by_dimension = torch.zeros(network.latent_dim, dtype=torch.float64)
    wrong = 0
    dim = network.latent_dim
    noise_source = generator(seed, "evaluation")
    with torch.no_grad():
        for image, label in batches(split, _BATCH, device=network.device):
            noise = torch.randn(len(label), dim, generator=noise_source).to(network.device)
            views = evaluation_views(image, config, noise_source)
            trained = compute_losses(network, views, label, noise, config)
            given = trained
            if config.decoder_condition != "label":
                given = compute_losses(network, views, label, noise, config, condition="label")
            terms = (
                trained.reconstruction + trained.kl,
                trained.reconstruction,
                trained.kl,
                given.reconstruction + given.kl,
                trained.cross_entropy,
            )
            sums += torch.stack([in_float64(term).sum() for term in terms]).cpu()
            by_dimension += in_float64(trained.kl_by_dimension).sum(0).cpu()
            wrong += int((~trained.correct).sum())
    n = len(split)
    vae_loss, reconstruction, kl, given_label, cross_entropy = (sums / n).tolist()
    return Figures(
        images=n,
        vae_loss=vae_loss,
        reconstruction=reconstruction,
        kl=kl,
        kl_by_dimension=tuple((by_dimension / n).tolist()),
        negative_elbo_given_label=given_label,
        cross_entropy=cross_entropy,
        classification_loss=cross_entropy * config.classification_weight,
        classification_errors=wrong,
        classification_error=wrong / n,
        classification_error_95=wilson_interval(wrong, n),
    )
