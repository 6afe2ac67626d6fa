"""The moving average of the weights, which is evaluated and kept."""

import torch
from torch import Tensor

from ..networks.vae import ConditionalVAE


@torch.no_grad()
def move_average(average: ConditionalVAE, network: ConditionalVAE, decay: float, step: int) -> None:
    """Move an exponential average of weights and normalisation statistics; young averages forget faster.

    Args:
        average: is changed.
        network: the weights of this step.
        decay: a step, in [0, 1).
        step: steps done, which bounds the decay at first.
    """
    share = 1 - min(decay, (1 + step) / (10 + step))
    averages, currents = (_tensors(each) for each in (average, network))
    pairs = list(zip(averages, currents, strict=True))
    moving = [pair for pair in pairs if pair[0].is_floating_point()]
    torch._foreach_lerp_([kept for kept, _ in moving], [current for _, current in moving], share)
    for kept, current in pairs:
        if not kept.is_floating_point():
            kept.copy_(current)


def _tensors(network: ConditionalVAE) -> list[Tensor]:
    """Weights and statistics, each once: a weight that two networks share moves once a step."""
    tensors = {id(tensor): tensor for tensor in network.state_dict(keep_vars=True).values()}
    return [tensor.detach() for tensor in tensors.values()]
