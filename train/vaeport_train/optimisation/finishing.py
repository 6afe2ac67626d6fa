"""What is done once to the weights that are kept, when the last step is done."""

import torch
from torch import Tensor
from torch.nn import functional

from ..data import Split
from ..data.batching import Images, batches
from ..devices import in_float64
from ..networks.parts import ability
from ..networks.vae import ConditionalVAE
from ..objective.augmentation import distort

_BATCH = 500
_ROUNDS, _STRENGTH = 4, 0.5
_LOG_SCALES = torch.linspace(-1.5, 1.5, 121, dtype=torch.float64)


@torch.no_grad()
def finish(network: ConditionalVAE, train_split: Split, held_out: Split) -> None:
    """Take the class out of the mean latents and make the classifier's confidence fit, where the networks can.

    See `vaeport_train.networks.parts` for the methods that they need; the feed-forward networks have none of them.

    Args:
        network: is changed; left in evaluation mode.
        train_split: gives each class its mean latent.
        held_out: gives the confidence.
    """
    network.eval()
    shift_means, shift_latents = ability(network.encoder, "shift_means"), ability(network.decoder, "shift_latents")
    if shift_means and shift_latents:
        centre = class_means(network, train_split)
        shift_means(-centre)
        shift_latents(centre)
    if rescale_logits := ability(network.classifier, "rescale_logits"):
        rescale_logits(best_scale(*_answers(network, held_out)))


def class_means(network: ConditionalVAE, split: Split) -> Tensor:
    """Mean of z_mean over the images of each class, the class given: float32 [K, Z], where the network is.

    Moving every class by its mean, the decoder knowing by how much, leaves p(x | y) a mixture of the same images under
    a prior centred where the class is: the KL can only fall, and what a linear probe could read from the means is gone.
    """
    classes = network.shapes.classes
    sums = torch.zeros(classes, network.latent_dim, dtype=torch.float64)
    counts = torch.zeros(classes, 1, dtype=torch.float64)
    for image, label in batches(split, _BATCH, device=network.device):
        one_hot = functional.one_hot(label, classes).float()
        sums += (in_float64(one_hot.T) @ in_float64(network.encode(image, one_hot).z_mean)).cpu()
        counts += in_float64(one_hot.sum(0)).cpu().unsqueeze(1)
    return (sums / counts.clamp(min=1)).float().to(network.device)


def best_scale(logits: Tensor, label: Tensor) -> float:
    """Factor of the logits with the least cross-entropy (Guo and others, temperature scaling, 2017), 0.22 to 4.5."""
    losses = torch.stack([functional.cross_entropy(logits * scale, label) for scale in _LOG_SCALES.exp()])
    return float(_LOG_SCALES[losses.argmin()].exp())


def _answers(network: ConditionalVAE, split: Split) -> tuple[Tensor, Tensor]:
    """Logits, float64 on the CPU, and labels of images distorted a little: too few others would be answered wrongly."""
    source = torch.Generator().manual_seed(0)
    rows = torch.arange(len(split)).repeat(_ROUNDS)
    parts = [
        (network.classify(distort(image, source, strength=_STRENGTH)).cpu().double(), label.cpu())
        for image, label in Images(split, network.device).batches(rows, _BATCH)
    ]
    return torch.cat([logits for logits, _ in parts]), torch.cat([label for _, label in parts])
