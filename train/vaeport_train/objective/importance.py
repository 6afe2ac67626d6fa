"""The importance-weighted bound: tighter than the ELBO, so a better likelihood is learned from it."""

from collections.abc import Callable

import torch
from torch import Tensor

from ..networks.vae import ConditionalVAE, Posterior


def importance_weighted(
    network: ConditionalVAE,
    posterior: Posterior,
    class_probs: Tensor,
    noise: Tensor,
    reconstruction: Callable[[Tensor], Tensor],
) -> tuple[Tensor, Tensor]:
    """Minimise -log of the mean importance weight (Burda and others, 2016), with a gradient that does not drown.

    The encoder's gradient is the doubly reparameterised one (Tucker and others, DReG, 2019): Q's own parameters are
    held still inside log Q, and what reaches z is weighted once more; the plain gradient's signal would vanish against
    its noise as K grows.

    Args:
        network: the networks.
        posterior: Q(z | x, y) of N images.
        class_probs: float [N, K], given to the decoder.
        noise: float [S, N, Z], standard normal, S latents an image.
        reconstruction: gives -log p(x | z, y), float [S x N], of decoded logits [S x N, C, H, W], the images repeated.

    Returns:
        What to minimise, float [N]: its gradient is the one above, its value means nothing; and -log p(x | z, y), mean
        over the latents, float [N], without a gradient.
    """
    samples, n, _ = noise.shape
    mean, std = posterior.z_mean, torch.exp(0.5 * posterior.z_logvar)
    z = mean + std * noise
    normalised = torch.ones(samples, n, 1, dtype=z.dtype, device=z.device)
    if z.requires_grad:
        z.register_hook(lambda gradient: gradient * normalised)  # type: ignore[no-untyped-call]
    decoded = network.decode(z.flatten(0, 1), class_probs.repeat(samples, 1))
    nats = reconstruction(decoded).view(samples, n)
    # The terms of log 2 pi of prior and posterior cancel.
    log_prior = -0.5 * z.square().sum(2)
    log_posterior = -0.5 * (((z - mean.detach()) / std.detach()).square() + posterior.z_logvar.detach()).sum(2)
    log_weight = log_prior - nats - log_posterior
    share = log_weight.detach().softmax(0)
    normalised.copy_(share.unsqueeze(2))
    return -(share * log_weight).sum(0), nats.detach().mean(0)
