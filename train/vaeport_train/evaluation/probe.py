"""How much of the class is left in the latent: a linear probe that reads it from z_mean."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..batching import batches
from ..data import Split
from ..networks import ConditionalVAE

_BATCH = 1000
_RIDGE = 1e-4
_STEPS = 200


def probe_accuracy(network: ConditionalVAE, fitted_on: Split, measured_on: Split) -> float:
    """Accuracy of multinomial logistic regression from z_mean to the class.

    Chance is the share of the commonest class; a latent that holds the style alone stays near it. The encoder is given
    the classifier's own answer, as in the exported graph.

    Args:
        network: the networks, in evaluation mode afterwards.
        fitted_on: images that the probe learns from.
        measured_on: other images, on which its accuracy is counted.

    Returns:
        Accuracy in [0, 1].
    """
    learn, measure = (_latents(network, split) for split in (fitted_on, measured_on))
    centre, spread = learn.mean(0), learn.std(0).clamp_min(1e-6)
    probe = nn.Linear(learn.shape[1], network.shapes.classes)
    nn.init.zeros_(probe.weight)
    nn.init.zeros_(probe.bias)
    labels = torch.from_numpy(fitted_on.labels)
    optimiser = torch.optim.LBFGS(probe.parameters(), max_iter=_STEPS, line_search_fn="strong_wolfe")
    scaled = (learn - centre) / spread

    def loss() -> Tensor:
        optimiser.zero_grad()
        value = functional.cross_entropy(probe(scaled), labels) + _RIDGE * probe.weight.square().sum()
        value.backward()  # type: ignore[no-untyped-call]
        return value

    optimiser.step(loss)  # type: ignore[no-untyped-call]
    with torch.no_grad():
        answers = probe((measure - centre) / spread).argmax(1)
    return float((answers == torch.from_numpy(measured_on.labels)).float().mean())


def _latents(network: ConditionalVAE, split: Split) -> Tensor:
    network.eval()
    parts = []
    with torch.no_grad():
        for image, _ in batches(split, torch.arange(len(split)), _BATCH):
            parts.append(network.encode(image, network.classify(image).softmax(1)).z_mean)
    return torch.cat(parts)
