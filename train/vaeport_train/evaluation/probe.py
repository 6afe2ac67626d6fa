"""How much of the class is left in the latent: probes that read it from z_mean.

A linear probe sees what a hyperplane can part. Where a model makes the mean of every class the same, it sees nothing,
whatever else tells the classes apart; a probe with a hidden layer sees that too.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..data import Split
from ..data.batching import batches
from ..networks.vae import ConditionalVAE
from ..randomness import global_randomness

_BATCH = 1000
_RIDGE = 1e-4
_STEPS = 200
_HIDDEN = 256
_EPOCHS = 30
_MLP_BATCH = 250
_MLP_RATE = 3e-3
_MLP_DECAY = 1e-2


@dataclass(frozen=True)
class ProbeAccuracies:
    """Shares of images whose class a probe reads from z_mean; chance is the share of the commonest class."""

    linear: float
    """By multinomial logistic regression."""
    mlp: float
    """By a network with one hidden layer of 256."""


def probe_accuracies(
    network: ConditionalVAE, fitted_on: Split, measured_on: Split, *, seed: int = 0
) -> ProbeAccuracies:
    """Fit both probes on some images and count what they read from others.

    A latent that holds the style alone stays near chance. The encoder is given the classifier's own answer, as in the
    exported graph.

    Args:
        network: the networks, in evaluation mode afterwards.
        fitted_on: images that the probes learn from.
        measured_on: other images, on which their accuracy is counted.
        seed: initial weights and order of the probe with a hidden layer.
    """
    learn, measure = (_latents(network, split) for split in (fitted_on, measured_on))
    centre, spread = learn.mean(0), learn.std(0).clamp_min(1e-6)
    seen, unseen = (learn - centre) / spread, (measure - centre) / spread
    labels, truth = (torch.from_numpy(split.labels).to(network.device) for split in (fitted_on, measured_on))
    with global_randomness(network.device):  # the global generator is the caller's
        torch.manual_seed(seed)
        probes = [fit(seen, labels, network.shapes.classes) for fit in (_linear, _mlp)]
    with torch.no_grad():
        linear, mlp = (float((probe(unseen).argmax(1) == truth).float().mean()) for probe in probes)
    return ProbeAccuracies(linear, mlp)


def _linear(seen: Tensor, labels: Tensor, classes: int) -> nn.Module:
    probe = nn.Linear(seen.shape[1], classes).to(seen.device)
    nn.init.zeros_(probe.weight)
    nn.init.zeros_(probe.bias)
    optimiser = torch.optim.LBFGS(probe.parameters(), max_iter=_STEPS, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimiser.zero_grad()
        value = functional.cross_entropy(probe(seen), labels) + _RIDGE * probe.weight.square().sum()
        value.backward()  # type: ignore[no-untyped-call]
        return value

    optimiser.step(loss)  # type: ignore[no-untyped-call]
    return probe


def _mlp(seen: Tensor, labels: Tensor, classes: int) -> nn.Module:
    probe = nn.Sequential(nn.Linear(seen.shape[1], _HIDDEN), nn.ReLU(), nn.Linear(_HIDDEN, classes)).to(seen.device)
    optimiser = torch.optim.AdamW(probe.parameters(), lr=_MLP_RATE, weight_decay=_MLP_DECAY)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, _EPOCHS)
    for _ in range(_EPOCHS):
        for rows in torch.split(torch.randperm(len(seen)).to(seen.device), _MLP_BATCH):
            optimiser.zero_grad()
            functional.cross_entropy(probe(seen[rows]), labels[rows]).backward()  # type: ignore[no-untyped-call]
            optimiser.step()
        schedule.step()
    return probe


def _latents(network: ConditionalVAE, split: Split) -> Tensor:
    network.eval()
    parts = []
    with torch.no_grad():
        for image, _ in batches(split, _BATCH, device=network.device):
            parts.append(network.encode(image, network.classify(image).softmax(1)).z_mean)
    return torch.cat(parts)
