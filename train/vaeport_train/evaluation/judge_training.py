"""Training of a judge: a recipe that has nothing in common with how the models learn."""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.lr_scheduler import OneCycleLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from vaeport.errors import DivergedError

from ..data import Dataset, Split
from ..data.batching import Images
from ..devices import FUSED, autocast, sample_within
from ..randomness import global_randomness
from .estimates import wilson_interval
from .judge import Judge, JudgeNetwork, JudgeRecipe, JudgeRecord, count_errors, weights_digest

_CPU = torch.device("cpu")
_WARMUP_SHARE = 0.2
_WEIGHT_DECAY = 0.05
_SMOOTHING = 0.05
_AVERAGE_STEPS = 500
"""Steps over which the moving average of the weights reaches back, but never over more than a tenth of the training."""
_ROTATION = math.radians(12)
_LOG_SCALE = 0.12
_SHEAR = 0.2
_SHIFT = 2 / 28
"""Largest shift, as a share of the image's side."""


def train_judge(
    dataset: Dataset,
    recipe: JudgeRecipe,
    *,
    hold_out: bool = False,
    device: torch.device = _CPU,
    progress: Callable[[int], object] = lambda _: None,
) -> Judge:
    """Train a judge and measure it once, at the end, on images that it never saw.

    Args:
        dataset: it learns from all development images and is measured on the test images.
        recipe: see `JudgeRecipe`.
        hold_out: leave the held-out images out of the training and measure on them instead, as one does while choosing
            a recipe; always so for data without test images.
        device: where it is trained. Order and distortions are the same on every device; dropout is not.
        progress: called with the number of images learned from since the last call.

    Returns:
        The judge, on the CPU.

    Raises:
        DivergedError: the loss became no number.
    """
    if hold_out or dataset.test is None:
        learn, unseen = dataset.split("stratified", held_out=None, seed=recipe.seed)
        measured_on = "held-out"
    else:
        learn, unseen, measured_on = dataset.development, dataset.test, "test"
    with global_randomness(device):  # the global generator is the caller's
        torch.manual_seed(recipe.seed)
        network = JudgeNetwork(recipe.widths, dataset.image_shape, len(dataset.class_names)).to(device)
        _train(network, learn, recipe, progress)
    errors = count_errors(network, unseen)
    network.cpu()
    record = JudgeRecord(
        image_shape=dataset.image_shape,
        class_names=dataset.class_names,
        data=dataset.name,
        training_images=len(learn),
        recipe=recipe,
        measured_on=measured_on,
        measured_images=len(unseen),
        errors=errors,
        accuracy=1 - errors / len(unseen),
        accuracy_95=wilson_interval(len(unseen) - errors, len(unseen)),
        digest=weights_digest(network),
    )
    return Judge(record, network)


def _train(network: JudgeNetwork, split: Split, recipe: JudgeRecipe, progress: Callable[[int], object]) -> None:
    """Train a network and leave it with the moving average of its weights, in evaluation mode."""
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stub forgets this form
    steps = recipe.epochs * math.ceil(len(split) / recipe.batch_size)
    device = next(network.parameters()).device
    images = Images(split, device)
    optimiser = torch.optim.AdamW(_groups(network), lr=recipe.learning_rate, fused=device.type in FUSED)
    schedule = OneCycleLR(
        optimiser, recipe.learning_rate, total_steps=steps, pct_start=_WARMUP_SHARE, cycle_momentum=False
    )
    decay = 1 - 1 / min(_AVERAGE_STEPS, max(1, steps // 10))
    moving = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
    average = AveragedModel(network, multi_avg_fn=moving, use_buffers=True)
    network.train()
    for _ in range(recipe.epochs):
        for image, label in images.batches(torch.randperm(len(split)), recipe.batch_size):
            with autocast(device, bfloat16=True):
                logits = network(_distort(image).contiguous(memory_format=torch.channels_last))
            loss = functional.cross_entropy(logits.float(), label, label_smoothing=_SMOOTHING)
            if not math.isfinite(loss.item()):
                raise DivergedError(f"the judge's loss is {loss.item()}; try a lower learning rate")
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
            average.update_parameters(network)
            progress(len(label))
    network.load_state_dict(average.module.state_dict())
    network.to(memory_format=torch.contiguous_format).eval()  # type: ignore[call-overload]


def _groups(network: nn.Module) -> list[dict[str, object]]:
    """Weights of convolutions and layers decay; biases and normalisation do not."""
    weights = [parameter for parameter in network.parameters() if parameter.ndim > 1]
    others = [parameter for parameter in network.parameters() if parameter.ndim <= 1]
    return [{"params": weights, "weight_decay": _WEIGHT_DECAY}, {"params": others, "weight_decay": 0.0}]


def _distort(image: Tensor) -> Tensor:
    """Rotate, scale, shear and shift each image a little, by the global generator: float [N, C, H, W]."""
    n = len(image)

    def uniform() -> Tensor:
        return (torch.rand(n) * 2 - 1).to(image.device)

    angle, shear = uniform() * _ROTATION, uniform() * _SHEAR
    across, down = torch.exp(uniform() * _LOG_SCALE), torch.exp(uniform() * _LOG_SCALE)
    cos, sin = angle.cos(), angle.sin()
    rows = (
        torch.stack([cos * across, (shear * cos - sin) * down, uniform() * 2 * _SHIFT], dim=1),
        torch.stack([sin * across, (shear * sin + cos) * down, uniform() * 2 * _SHIFT], dim=1),
    )
    grid = functional.affine_grid(torch.stack(rows, dim=1), list(image.shape), align_corners=False)
    return sample_within(image, grid)
