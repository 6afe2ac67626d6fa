"""The loss of one step, as a module: what several processes can share."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..configuration.config import RunConfig
from ..devices import autocast, in_float64
from ..networks.parts import least_rows
from ..networks.vae import ConditionalVAE
from ..objective.augmentation import distort, training_views
from ..objective.losses import Losses, compute_losses, recognition_loss
from ..randomness import generator, prior_draw, step_noise


@dataclass(frozen=True)
class Task:
    """What a step is to do, beside its images."""

    step: int
    """Number of the step, which seeds its randomness."""
    rank: int
    """Process, which seeds it too."""
    weight: float
    """Weight of this process's mean."""
    samples: int
    """Latents an image."""
    kl_weight: float
    """Weight of the KL."""
    vae_share: float
    """Share of the images that the VAE learns from."""
    distortion: float
    """Strength of the classifier's distortions."""
    recognise: bool
    """Whether drawn images are shown to the classifier."""


class TrainingStep(nn.Module):
    """Images and labels -> the loss to minimise and the sums to report."""

    def __init__(self, network: ConditionalVAE, config: RunConfig) -> None:
        super().__init__()
        self.network = network
        self.config = config
        self.vae_rows = least_rows(network.encoder, network.decoder)

    def forward(self, image: Tensor, label: Tensor, task: Task) -> tuple[Tensor, Tensor]:
        """The loss, a scalar, and sums over the images, float64 [6]: see `sums`."""
        objective, training = self.config.objective, self.config.training
        seed, number = training.seed, (task.step, task.rank)
        n, dim = len(label), self.network.latent_dim
        vae_images = min(n, max(self.vae_rows, round(task.vae_share * n)))
        noise = step_noise(seed, number, (task.samples, vae_images, dim) if task.samples > 1 else (vae_images, dim))
        noise = noise.to(image.device)
        if self.network.foreign:
            # Dropout and the like draw from the global generator: a resumed run must draw the same.
            torch.manual_seed(generator(seed, "network", *number).initial_seed())
        views = training_views(
            image, objective, seed=seed, number=number, distortion=task.distortion, vae_images=vae_images
        )
        with autocast(image.device, bfloat16=training.precision == "bfloat16"):
            losses = compute_losses(self.network, views, label, noise, objective, kl_weight=task.kl_weight)
            value = losses.objective(objective)
            if task.recognise:
                value = value + objective.recognition_weight * self._recognition(
                    n, number, task.distortion, image.device
                )
        return task.weight * value, sums(losses)

    def _recognition(self, n: int, number: tuple[int, int], strength: float, device: torch.device) -> Tensor:
        objective, seed = self.config.objective, self.config.training.seed
        drawn = max(self.vae_rows, round(objective.recognition_share * n))
        drawn_from = prior_draw(seed, number, drawn, self.network.latent_dim, self.network.shapes.classes)
        z, label = (tensor.to(device) for tensor in drawn_from)
        distortion: Callable[[Tensor], Tensor] | None = None
        if strength:
            source = generator(seed, "recognition", *number)
            distortion = lambda image: distort(image, source, strength=strength / 2)  # noqa: E731 - it closes over the step's randomness
        return recognition_loss(self.network, objective.recognition_spread * z, label, distortion).mean()


def sums(losses: Losses) -> Tensor:
    """Reconstruction, KL and number of the VAE's images; cross-entropy, errors and number of the classifier's.

    Returns:
        float64 [6].
    """
    vae = (losses.reconstruction, losses.kl, torch.ones_like(losses.kl))
    classifier = (losses.cross_entropy, ~losses.correct, torch.ones_like(losses.correct))
    terms = (*vae, *classifier)
    return torch.stack([in_float64(term.detach()).sum() for term in terms])
