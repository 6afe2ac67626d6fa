"""How fast training is: against the usual DataLoader loop, and against the bare matrix products inside it.

All three train the same network, with the same optimiser and one thread, side by side in one process. The usual loop
turns each image into a PIL image and a tensor and collates batches of 128, as torchvision's examples do. The bare
products are those of every linear layer, forward and backward, on matrices that already lie in memory.
"""

import argparse
import sys
import time
from collections.abc import Callable

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from vaeport.commands import print_table
from vaeport.contract import Shapes
from vaeport_train.batching import batches
from vaeport_train.config import RunConfig
from vaeport_train.data import Dataset, Split, load_dataset
from vaeport_train.losses import compute_losses
from vaeport_train.networks import ConditionalVAE
from vaeport_train.presets import load_preset
from vaeport_train.views import Views

_USUAL_BATCH = 128
_PRODUCT_STEPS = 50


class _PerSample(TorchDataset[tuple[Tensor, int]]):
    """Images as the usual tutorials serve them: one at a time, through PIL."""

    def __init__(self, split: Split) -> None:
        self.split = split

    def __len__(self) -> int:
        return len(self.split)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        picture = Image.fromarray(self.split.images[index, 0], mode=None)
        pixels = torch.from_numpy(np.array(picture, np.uint8, copy=True))
        return pixels[None].to(torch.float32).div(255), int(self.split.labels[index])


def main() -> int:
    """Print images a second for each preset."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=8.0, help="time for each measurement (default: %(default)s)")
    seconds: float = parser.parse_args().seconds
    torch.set_num_threads(1)
    data = load_dataset("mnist-5k")
    rows = [_measured(preset, data, seconds) for preset in ("blog", "mlp")]
    print_table(("preset", "images/s", "DataLoader loop", "times", "bare products", "of bare"), rows)
    return 0


def _measured(preset: str, data: Dataset, seconds: float) -> tuple[str, ...]:
    """A row of the table. What the usual loop has no counterpart for is left out of all three."""
    config = load_preset(preset, ["objective.recognition_weight=0", "objective.augment=0"])
    shapes = Shapes(data.image_shape, config.network.latent_dim, len(data.class_names))
    split, batch = data.development, config.training.batch_size
    ours = _rate(lambda: _our_epoch(config, shapes, split), len(split), seconds)
    usual = _rate(lambda: _usual_epoch(config, shapes, split), len(split), seconds)
    bare = _rate(lambda: _bare_products(config, shapes, batch), _PRODUCT_STEPS * batch, seconds)
    times, share = f"{ours / usual:.1f}", f"{100 * ours / bare:.0f} %"
    return preset, f"{ours:,.0f}", f"{usual:,.0f}", times, f"{bare:,.0f}", share


def _rate(work: Callable[[], None], images: int, seconds: float) -> float:
    """Images a second, the best of as many rounds as fit, after one to warm up."""
    work()
    best, until = 0.0, time.perf_counter() + seconds
    while time.perf_counter() < until:
        began = time.perf_counter()
        work()
        best = max(best, images / (time.perf_counter() - began))
    return best


def _step(
    network: ConditionalVAE, optimiser: torch.optim.Adam, config: RunConfig, image: Tensor, label: Tensor
) -> None:
    noise = torch.randn(len(label), network.latent_dim)
    losses = compute_losses(network, Views(image, image, image), label, noise, config.objective)
    optimiser.zero_grad()
    losses.objective(config.objective).backward()  # type: ignore[no-untyped-call]
    optimiser.step()


def _our_epoch(config: RunConfig, shapes: Shapes, split: Split) -> None:
    network = ConditionalVAE(config.network, shapes)
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3, fused=True)
    for image, label in batches(split, torch.randperm(len(split)), config.training.batch_size):
        _step(network, optimiser, config, image, label)


def _usual_epoch(config: RunConfig, shapes: Shapes, split: Split) -> None:
    network = ConditionalVAE(config.network, shapes)
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)
    for image, label in DataLoader(_PerSample(split), batch_size=_USUAL_BATCH, shuffle=True):
        _step(network, optimiser, config, image, label)


def _bare_products(config: RunConfig, shapes: Shapes, batch: int) -> None:
    """Steps of nothing but the products: outputs, gradients of weights, and of inputs but for the first layer."""
    network = ConditionalVAE(config.network, shapes)
    layers = [
        (index, layer)
        for part in (network.encoder, network.classifier, network.decoder)
        for index, layer in enumerate(module for module in part.modules() if isinstance(module, nn.Linear))
    ]
    inputs = [torch.rand(batch, layer.in_features) for _, layer in layers]
    outputs = [torch.rand(batch, layer.out_features) for _, layer in layers]
    with torch.no_grad():
        for _ in range(_PRODUCT_STEPS):
            for (index, layer), given, gradient in zip(layers, inputs, outputs, strict=True):
                torch.mm(given, layer.weight.T)
                torch.mm(gradient.T, given)
                if index:
                    torch.mm(gradient, layer.weight)


if __name__ == "__main__":
    sys.exit(main())
