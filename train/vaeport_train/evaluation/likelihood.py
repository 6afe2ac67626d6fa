"""-log p(x | y) by importance sampling: Burda, Grosse, Salakhutdinov, "Importance Weighted Autoencoders" (ICLR 2016).

The label is given to encoder and decoder. Decoding with the classifier's own soft answer would be no bound on p(x), for
that answer has seen x.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from vaeport.errors import InputError

from ..config import ObjectiveConfig
from ..data import Split
from ..losses import reconstruction_nats
from ..networks import ConditionalVAE
from ..randomness import generator

_ROWS = 1000
"""Decoder rows at once, so that memory stays bounded whatever the number of samples."""


@dataclass(frozen=True)
class Likelihood:
    """An estimate over images, in nats an image; it is an upper bound in expectation, the tighter the more samples."""

    images: int
    """How many images."""
    samples: int
    """Importance samples of z an image."""
    nll_given_label: float
    """Mean of -log p(x | y), the true label given."""
    nll_given_label_error: float | None
    """Standard error of that mean over images; None for a single image."""
    nll: float | None
    """Mean of -log p(x), p(x) the mean of p(x | y) over all classes with prior 1/K; None where it was not asked for."""


def importance_weighted(
    network: ConditionalVAE,
    split: Split,
    config: ObjectiveConfig,
    *,
    samples: int,
    seed: int = 0,
    all_classes: bool = False,
    progress: Callable[[int], object] = lambda _: None,
) -> Likelihood:
    """Estimate -log p(x | y) of images binarised once: Bernoulli(pixel), by a fixed seed.

    Args:
        network: the networks, in evaluation mode afterwards.
        split: images and labels.
        config: the objective; its likelihood must be Bernoulli.
        samples: importance samples an image.
        seed: for the bits and the samples.
        all_classes: whether to estimate -log p(x) too, at K times the cost.
        progress: called with the number of images done since the last call.

    Raises:
        InputError: the model's likelihood is of another kind, and its density not comparable with probabilities.
    """
    if config.likelihood != "bernoulli":
        raise InputError(f"-log p(x | y) of bits needs a Bernoulli likelihood, this model's is {config.likelihood}")
    network.eval()
    source = generator(seed, "likelihood")
    given: list[float] = []
    marginal: list[float] = []
    classes = network.shapes.classes
    with torch.no_grad():
        for pixels, label in zip(torch.from_numpy(split.images), split.labels.tolist(), strict=True):
            bits = torch.bernoulli(pixels[None].float() / 255, generator=source)
            asked = range(classes) if all_classes else (label,)
            logs = {y: _log_likelihood(network, bits, y, samples, config, source) for y in asked}
            given.append(-logs[label])
            if all_classes:
                marginal.append(math.log(classes) - torch.tensor(list(logs.values())).logsumexp(0).item())
            progress(1)
    values = torch.tensor(given, dtype=torch.float64)
    return Likelihood(
        images=len(given),
        samples=samples,
        nll_given_label=values.mean().item(),
        nll_given_label_error=values.std().item() / math.sqrt(len(given)) if len(given) > 1 else None,
        nll=sum(marginal) / len(marginal) if all_classes else None,
    )


def _log_likelihood(
    network: ConditionalVAE, bits: Tensor, label: int, samples: int, config: ObjectiveConfig, source: torch.Generator
) -> float:
    """Estimate log p(x | y) of one image, [1, C, H, W], as the log of the mean importance weight."""
    one_hot = functional.one_hot(torch.tensor([label]), network.shapes.classes).float()
    posterior = network.encode(bits, one_hot)
    logs = []
    for first in range(0, samples, _ROWS):
        n = min(_ROWS, samples - first)
        noise = torch.randn(n, network.latent_dim, generator=source)
        z = posterior.sample(noise)
        decoded = network.decode(z, one_hot.expand(n, -1))
        # log p(z) - log q(z | x, y); the constants of the two Gaussians cancel.
        prior_over_posterior = 0.5 * (noise.square() - z.square() + posterior.z_logvar).sum(1)
        logs.append(prior_over_posterior - reconstruction_nats(decoded, bits.expand(n, -1, -1, -1), config))
    return torch.cat(logs).double().logsumexp(0).item() - math.log(samples)
