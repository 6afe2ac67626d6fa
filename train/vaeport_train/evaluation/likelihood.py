"""-log p(x | y) by importance sampling: Burda, Grosse, Salakhutdinov, "Importance Weighted Autoencoders" (ICLR 2016).

The label is given to encoder and decoder. Decoding with the classifier's own soft answer would be no bound on p(x), for
that answer has seen x.

A few samples are taken of every image and the many of a subset, of which the few are the first (`estimates`).
"""

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from vaeport.errors import InputError

from ..configuration.config import ObjectiveConfig
from ..data import Split
from ..data.batching import unit_range
from ..networks.vae import ConditionalVAE, Posterior, use_fast_layout
from ..randomness import draw_bits, generator
from .estimates import Estimate, difference_estimate, stratified_subset

_ROWS = 64
"""Latents decoded at once: what the decoder makes of them between its layers should stay in the processor's cache."""

_OUT_OF_PLAY = 20.0
"""Nats. A class whose few samples put it this far below the best class of an image adds less than 1e-8 to p(x), and
keeps that estimate of it."""


@dataclass(frozen=True)
class Sampling:
    """How much is sampled."""

    samples: int = 5000
    """Importance samples of z an image of the subset."""
    first_samples: int = 50
    """Importance samples of z of every image."""
    subset: int = 1000
    """About how many images get all samples, each class in its share; all of them where there are no more."""
    all_classes: bool = False
    """Whether to estimate -log p(x) too, at up to K times the cost."""
    seed: int = 0
    """Decides bits, samples and subset."""


@dataclass(frozen=True)
class Likelihood:
    """Estimates in nats an image; upper bounds in expectation, the tighter the more samples."""

    images: int
    """How many images."""
    samples: int
    """Importance samples of z an image."""
    first_samples: int
    """Importance samples where an image is not of the subset."""
    subset: int
    """How many images got all samples."""
    nll_given_label: Estimate
    """Mean of -log p(x | y), the true label given."""
    nll: Estimate | None
    """Mean of -log p(x), p(x) the mean of p(x | y) over all classes with prior 1/K; None where it was not requested."""


def importance_weighted(
    network: ConditionalVAE,
    split: Split,
    config: ObjectiveConfig,
    sampling: Sampling,
    *,
    rows: int = _ROWS,
    progress: Callable[[int], object] = lambda _: None,
) -> Likelihood:
    """Estimate -log p(x | y) of images binarised once: Bernoulli(pixel), by a fixed seed.

    Args:
        network: the networks.
        split: images and labels.
        config: the objective; its likelihood must be Bernoulli.
        sampling: see `Sampling`; bits and samples belong to an image's place in the split, whatever is drawn besides.
        rows: latents decoded at once; changes the speed, and nothing else beyond rounding.
        progress: called with the number of latents decoded since the last call.

    Raises:
        InputError: the model's likelihood is of another kind, and its density not comparable with probabilities.
    """
    if config.likelihood != "bernoulli":
        raise InputError(f"-log p(x | y) of bits needs a Bernoulli likelihood, this model's is {config.likelihood}")
    labels = split.labels
    subset = np.arange(len(labels))
    if sampling.first_samples < sampling.samples:
        subset = stratified_subset(labels, sampling.subset, np.random.default_rng([sampling.seed, 0x50B5E7]))
    sampler = _Sampler(copy.deepcopy(network), sampling, rows, progress)
    rough: list[Tensor] = []
    exact: list[Tensor] = []
    with torch.no_grad():
        for index, label in enumerate(labels.tolist()):
            requested = torch.arange(network.shapes.classes) if sampling.all_classes else torch.tensor([label])
            drawn = len(exact) < len(subset) and subset[len(exact)] == index
            few, many = sampler.log_likelihoods(split.images[index], index, requested, label, refined=drawn)
            rough.append(few)
            if drawn:
                exact.append(many)
    few_of_all, many_of_subset = torch.stack(rough), torch.stack(exact)
    columns = torch.from_numpy(labels) if sampling.all_classes else torch.zeros(len(labels), dtype=torch.int64)
    given = difference_estimate(
        -few_of_all[torch.arange(len(labels)), columns],
        -many_of_subset[torch.arange(len(subset)), columns[torch.from_numpy(subset)]],
        subset,
        labels,
    )
    marginal = None
    if sampling.all_classes:
        classes = math.log(network.shapes.classes)
        marginal = difference_estimate(
            classes - few_of_all.logsumexp(1), classes - many_of_subset.logsumexp(1), subset, labels
        )
    return Likelihood(
        images=len(labels),
        samples=sampling.samples,
        first_samples=sampler.few,
        subset=len(subset),
        nll_given_label=given,
        nll=marginal,
    )


class _Sampler:
    """Samples the latents of one image after the other."""

    def __init__(
        self, network: ConditionalVAE, sampling: Sampling, rows: int, progress: Callable[[int], object]
    ) -> None:
        self.network, self.device = network.eval(), network.device
        use_fast_layout(self.network)
        self.few, self.samples = min(sampling.first_samples, sampling.samples), sampling.samples
        self.seed, self.rows, self.progress = sampling.seed, rows, progress

    def log_likelihoods(
        self, pixels: NDArray[np.uint8], index: int, requested: Tensor, label: int, *, refined: bool
    ) -> tuple[Tensor, Tensor]:
        """Log p(x | y) of one image for each requested class, float64 [A]: from the few samples, and from all of them.

        The second is the first where it is not to be refined.
        """
        classes = self.network.shapes.classes
        numbers = range(index * (classes + 1), (index + 1) * (classes + 1))
        bits = unit_range(torch.from_numpy(pixels)[None])
        bits = draw_bits(bits, generator(self.seed, "likelihood", numbers[0])).to(self.device)
        one_hot = functional.one_hot(requested, classes).float().to(self.device)
        posterior = self.network.encode(bits.expand(len(requested), -1, -1, -1), one_hot)
        sources = [generator(self.seed, "likelihood", numbers[1 + y]) for y in requested.tolist()]
        few = torch.stack(
            [self._log_sum(bits, posterior, one_hot, row, self.few, source) for row, source in enumerate(sources)]
        )
        rough = few - math.log(self.few)
        if not refined or self.few == self.samples:
            return rough, rough
        all_samples, rest = rough.clone(), self.samples - self.few
        in_play = (rough > rough.max() - _OUT_OF_PLAY) | (requested == label)
        for row in in_play.nonzero()[:, 0].tolist():
            more = self._log_sum(bits, posterior, one_hot, row, rest, sources[row])
            all_samples[row] = torch.logaddexp(few[row], more) - math.log(self.samples)
        return rough, all_samples

    def _log_sum(
        self, bits: Tensor, posterior: Posterior, one_hot: Tensor, row: int, samples: int, source: torch.Generator
    ) -> Tensor:
        """Logarithm of the sum of importance weights p(x | z, y) p(z) / q(z | x, y), a float64 scalar."""
        noise = torch.randn(samples, self.network.latent_dim, generator=source).to(self.device)
        of_class = Posterior(posterior.z_mean[row : row + 1], posterior.z_logvar[row : row + 1])
        z = of_class.sample(noise)
        # log p(z) - log q(z | x, y); the constants of the two Gaussians cancel.
        logs = 0.5 * (noise.square() - z.square() + of_class.z_logvar).sum(1)
        flat = bits.flatten()
        for first in range(0, samples, self.rows):
            some = slice(first, first + self.rows)
            logits = self.network.decode(z[some], one_hot[row : row + 1].expand(len(z[some]), -1)).flatten(1)
            logs[some] += logits @ flat - functional.softplus(logits).sum(1)  # log of Bernoulli(sigmoid(logits))
            self.progress(len(logits))
        return logs.cpu().double().logsumexp(0)
