"""An independent classifier that judges drawn images; it shares neither weights nor architecture with any model."""

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from pydantic import TypeAdapter, ValidationError
from torch import Tensor, nn

from vaeport.errors import InputError

from ..data import Split
from ..data.batching import batches
from ..running.checkpoint import load_safetensors, save_safetensors

_FORMAT = "vaeport judge 1"
_BATCH = 500


@dataclass(frozen=True)
class JudgeRecipe:
    """What the caller decides about a judge's training."""

    epochs: int = 20
    """Passes over the training images."""
    widths: tuple[int, ...] = (32, 64, 96, 96, 96)
    """Channels of its convolutions, from the image on."""
    batch_size: int = 128
    """Images a step."""
    learning_rate: float = 3e-3
    """AdamW's, at its highest."""
    seed: int = 20260
    """Decides initial weights, order and distortions."""


@dataclass(frozen=True)
class JudgeRecord:
    """What a judge is, and how far it can be trusted."""

    image_shape: tuple[int, int, int]
    """Channels, height and width of the images it takes."""
    class_names: tuple[str, ...]
    """Names of the classes, by index."""
    data: str
    """Data set it was trained on."""
    training_images: int
    """How many images it was trained on."""
    recipe: JudgeRecipe
    """How it was trained; with image shape and classes, all that rebuilds it."""
    measured_on: str
    """Images that it never saw, on which it was measured: `test` or `held-out`."""
    measured_images: int
    """How many these are."""
    errors: int
    """How many of them it got wrong."""
    accuracy: float
    """Share that it got right."""
    accuracy_95: tuple[float, float]
    """95 % interval of that share (Wilson, 1927)."""
    digest: str
    """SHA-256 of its weights."""


@dataclass(frozen=True, eq=False)
class Judge:
    """A trained judge."""

    record: JudgeRecord
    """Where it comes from and how good it is."""
    network: "JudgeNetwork"
    """The classifier, in evaluation mode."""


class JudgeNetwork(nn.Module):
    """Image [N, C, H, W] in [0, 1] -> class logits [N, K]: plain convolutions, for images of any size.

    A strided 5 x 5 convolution, then 3 x 3 ones, all with batch normalisation; the image is halved after every second,
    and the head sees mean and maximum of what is left.
    """

    def __init__(self, widths: tuple[int, ...], image_shape: tuple[int, int, int], classes: int) -> None:
        super().__init__()
        channels = image_shape[0]
        self.brightness = nn.BatchNorm2d(channels, affine=False)  # learns the data's own mean and deviation
        layers: list[nn.Module] = []
        for index, width in enumerate(widths):
            stem = index == 0
            layers += [
                nn.Conv2d(channels, width, 5 if stem else 3, 2 if stem else 1, 2 if stem else 1, bias=False),
                nn.BatchNorm2d(width),
                nn.ReLU(inplace=True),
            ]
            if index % 2:
                layers.append(nn.MaxPool2d(2, ceil_mode=True))  # rounded up, so that a pixel is left whatever the size
            channels = width
        self.features = nn.Sequential(*layers)
        self.dropout = nn.Dropout(0.2)
        self.head = nn.Linear(2 * channels, classes)

    def forward(self, image: Tensor) -> Tensor:
        """Logits."""
        hidden = self.features(self.brightness(image))
        pooled = torch.cat([hidden.mean((2, 3)), hidden.amax((2, 3))], dim=1)
        logits: Tensor = self.head(self.dropout(pooled))
        return logits


def save_judge(path: str | os.PathLike[str], judge: Judge) -> None:
    """Write a judge into one `.safetensors` file, its record in the file's metadata.

    Raises:
        OutputError: the file cannot be written.
    """
    save_safetensors(Path(path), judge.network.state_dict(), {"format": _FORMAT, **asdict(judge.record)})


def load_judge(path: str | os.PathLike[str]) -> Judge:
    """Read a judge; nothing is unpickled.

    Raises:
        InputError: the file is missing, damaged, or no judge.
    """
    place = Path(path)
    if not place.is_file():
        raise InputError(f"{place} is no file; train a judge with `vaeport-train judge -o {place}`")
    tensors, values = load_safetensors(place)
    if not isinstance(values, dict) or values.get("format") != _FORMAT:
        raise InputError(f"{place} is no judge; train one with `vaeport-train judge`")
    fields = {name: value for name, value in values.items() if name != "format"}
    try:
        record = TypeAdapter(JudgeRecord).validate_json(json.dumps(fields), strict=True)
        network = JudgeNetwork(record.recipe.widths, record.image_shape, len(record.class_names))
        network.load_state_dict(tensors)
    except ValidationError as error:
        problem = error.errors()[0]
        field = ".".join(str(part) for part in problem["loc"])
        raise InputError(f"{place} is damaged: {field!r}: {problem['msg']}") from error
    except (ValueError, RuntimeError) as error:
        raise InputError(f"{place} is damaged: {' '.join(str(error).split())}") from error
    if weights_digest(network) != record.digest:
        raise InputError(f"{place} is damaged: its weights are not those that were measured")
    return Judge(record, network.eval())


def count_errors(network: nn.Module, split: Split) -> int:
    """Images whose best class is not the true one; the network is in evaluation mode afterwards."""
    network.eval()
    device = next(network.parameters()).device
    with torch.no_grad():
        wrong = [network(image).argmax(1) != label for image, label in batches(split, _BATCH, device=device)]
    return int(torch.cat(wrong).sum())


def weights_digest(network: nn.Module) -> str:
    """SHA-256 over the tensors of a network by name."""
    digest = hashlib.sha256()
    for name, tensor in sorted(network.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
