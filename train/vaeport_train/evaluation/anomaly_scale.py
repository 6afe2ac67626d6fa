"""The scale by which the runtime calls an image unusual: how held-out images score there."""

import numpy as np
import torch

from vaeport.bundle.anomaly_scale import AnomalyCalibration, calibration_of
from vaeport.model.anomaly import kl_nats, reconstruction_nats

from ..configuration.config import ObjectiveConfig
from ..data import Split
from ..data.batching import batches
from ..networks.vae import ConditionalVAE

_BATCH = 1000


def held_out_scale(network: ConditionalVAE, split: Split, config: ObjectiveConfig, *, name: str) -> AnomalyCalibration:
    """Score images as `vaeport.Model.anomaly_score` does: at z = z_mean, with the classifier's own answer.

    Args:
        network: the networks, in evaluation mode afterwards.
        split: held-out images.
        config: the objective, for its likelihood.
        name: what to call the images.
    """
    network.eval()
    likelihood, std, scores = config.likelihood, config.likelihood_std, []
    with torch.no_grad():
        for image, _ in batches(split, _BATCH, device=network.device):
            class_probs = network.classify(image).softmax(1)
            mean, logvar = (term.cpu().numpy() for term in network.encode(image, class_probs))
            drawn = network.decode(torch.from_numpy(mean).to(network.device), class_probs).sigmoid().cpu().numpy()
            nats = reconstruction_nats(image.cpu().numpy(), drawn, likelihood=likelihood, likelihood_std=std)
            scores.append(nats + kl_nats(mean, logvar))
    return calibration_of(np.concatenate(scores), data=name, likelihood=likelihood, likelihood_std=std)
