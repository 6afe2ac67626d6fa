"""How fast training is: against the usual DataLoader loop, and against the bare matrix products inside it.

All three have the same network, the same optimiser and one thread, side by side in one process. The usual loop turns
each image into a PIL image, distorts it where the preset distorts (rotation, scale, shear and shift in one affine
transform, as torchvision's RandomAffine does; no bending), makes it a tensor and collates batches of 128. The bare
products are those of every linear layer, forward and backward, on matrices that already lie in memory.
"""

import argparse
import math
import sys
import time
from collections.abc import Callable

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from vaeport.common.commands import print_table
from vaeport.contract import Shapes
from vaeport_train.configuration.config import RunConfig
from vaeport_train.configuration.parsing import load_preset
from vaeport_train.data import Dataset, Split, load_dataset
from vaeport_train.data.batching import Images
from vaeport_train.networks.vae import ConditionalVAE
from vaeport_train.objective.augmentation import Views
from vaeport_train.objective.losses import compute_losses
from vaeport_train.optimisation.optimisers import Optimisers
from vaeport_train.optimisation.step import Task, TrainingStep

_USUAL_BATCH = 128
_PRODUCT_STEPS = 50


class _PerSample(TorchDataset[tuple[Tensor, Tensor, int]]):
    """Images as the usual tutorials serve them: one at a time, through PIL, distorted for the classifier and plain."""

    def __init__(self, split: Split, strength: float) -> None:
        self.split = split
        self.strength = strength
        self.random = np.random.default_rng(0)

    def __len__(self) -> int:
        return len(self.split)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor, int]:
        picture = Image.fromarray(self.split.images[index, 0], mode=None)
        distorted = self._distorted(picture) if self.strength else picture
        return _tensor(distorted), _tensor(picture), int(self.split.labels[index])

    def _distorted(self, picture: Image.Image) -> Image.Image:
        angle, shear, scale, right, down = self.random.uniform(-1, 1, 5) * self.strength
        angle, scale, middle = angle * math.radians(15), math.exp(0.12 * scale), (picture.width - 1) / 2
        cos, sin = scale * math.cos(angle), scale * math.sin(angle)
        a, b, d, e = cos, 0.2 * shear * cos - sin, sin, 0.2 * shear * sin + cos
        c, f = middle - a * middle - b * middle + 2 * right, middle - d * middle - e * middle + 2 * down
        return picture.transform(picture.size, Image.Transform.AFFINE, (a, b, c, d, e, f), Image.Resampling.BILINEAR)


def _tensor(picture: Image.Image) -> Tensor:
    return torch.from_numpy(np.array(picture, np.uint8, copy=True))[None].to(torch.float32).div(255)


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
    config = load_preset(preset, ["objective.recognition_weight=0"])
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


def _our_epoch(config: RunConfig, shapes: Shapes, split: Split) -> None:
    network = ConditionalVAE(config.network, shapes)
    step, optimisers = TrainingStep(network, config), Optimisers(network, config.training)
    for number, (image, label) in enumerate(
        Images(split).batches(torch.randperm(len(split)), config.training.batch_size)
    ):
        task = Task(number, 0, 1.0, 1, 1.0, 1.0, config.objective.augment, recognise=False)
        value, _ = step(image, label, task)
        optimisers.step(value, share=1.0)


def _usual_epoch(config: RunConfig, shapes: Shapes, split: Split) -> None:
    network = ConditionalVAE(config.network, shapes)
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)
    images = _PerSample(split, config.objective.augment)
    for distorted, image, label in DataLoader(images, batch_size=_USUAL_BATCH, shuffle=True):
        noise = torch.randn(len(label), network.latent_dim)
        losses = compute_losses(network, Views(distorted, image, image), label, noise, config.objective)
        optimiser.zero_grad()
        losses.objective(config.objective).backward()  # type: ignore[no-untyped-call]
        optimiser.step()


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
