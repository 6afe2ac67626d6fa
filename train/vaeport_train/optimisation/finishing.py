"""What is done once to the weights that are kept, when the last step is done."""

import torch
from torch import Tensor
from torch.nn import functional

from ..data import Split
from ..data.batching import batches
from ..networks.conv import ConvDecoder, ConvEncoder
from ..networks.towers import ConvClassifier
from ..networks.vae import ConditionalVAE
from ..objective.augmentation import distort

_BATCH = 500
_ROUNDS, _STRENGTH = 4, 0.5
_LOG_SCALES = torch.linspace(-1.5, 1.5, 121, dtype=torch.float64)


@torch.no_grad()
def finish(network: ConditionalVAE, train_split: Split, held_out: Split) -> None:
    """Take the class out of the mean latents and make the classifier's confidence fit; MLPs stay as they are.

    Args:
        network: is changed; left in evaluation mode.
        train_split: gives each class its mean latent.
        held_out: gives the confidence.
    """
    network.eval()
    if isinstance(network.encoder, ConvEncoder) and isinstance(network.decoder, ConvDecoder):
        centre = class_means(network, train_split)
        network.encoder.shift_means(-centre)
        network.decoder.shift_latents(centre)
    if isinstance(network.classifier, ConvClassifier):
        network.classifier.scale.fill_(best_scale(*_answers(network, held_out)))


def class_means(network: ConditionalVAE, split: Split) -> Tensor:
    """Mean of z_mean over the images of each class, the class given: float32 [K, Z].

    Moving every class by its mean, the decoder knowing by how much, leaves p(x | y) a mixture of the same images under
    a prior centred where the class is: the KL can only fall, and what a linear probe could read from the means is gone.
    """
    classes = network.shapes.classes
    sums = torch.zeros(classes, network.latent_dim, dtype=torch.float64)
    counts = torch.zeros(classes, 1, dtype=torch.float64)
    for image, label in batches(split, torch.arange(len(split)), _BATCH):
        one_hot = functional.one_hot(label, classes).float()
        sums += one_hot.T.double() @ network.encode(image, one_hot).z_mean.double()
        counts += one_hot.sum(0).double().unsqueeze(1)
    return (sums / counts.clamp(min=1)).float()


def best_scale(logits: Tensor, label: Tensor) -> float:
    """Factor of the logits with the least cross-entropy (Guo and others, temperature scaling, 2017), 0.22 to 4.5."""
    losses = torch.stack([functional.cross_entropy(logits * scale, label) for scale in _LOG_SCALES.exp()])
    return float(_LOG_SCALES[losses.argmin()].exp())


def _answers(network: ConditionalVAE, split: Split) -> tuple[Tensor, Tensor]:
    """Logits and labels of images that are distorted a little: of as they are, too few would be answered wrongly."""
    source = torch.Generator().manual_seed(0)
    rows = torch.arange(len(split)).repeat(_ROUNDS)
    parts = [
        (network.classify(distort(image, source, strength=_STRENGTH)).double(), label)
        for image, label in batches(split, rows, _BATCH)
    ]
    return torch.cat([logits for logits, _ in parts]), torch.cat([label for _, label in parts])
