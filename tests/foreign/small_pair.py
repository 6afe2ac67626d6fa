"""A small pair made wrong in one place each: its source, as a stranger has it in `my_nets.py`, with pictures."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

CLASSES = ("cat", "dog")

SOURCE = '''"""My networks."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(64, 16)
        self.norm = nn.BatchNorm1d(16)
        self.mean, self.logvar, self.classify = nn.Linear(16, 3), nn.Linear(16, 3), nn.Linear(16, 2)

    def forward(self, image):
        h = torch.relu(self.norm(self.hidden(image.flatten(1))))
        probs = torch.softmax(self.classify(h), dim=1)
        return self.mean(h), self.logvar(h), probs


class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden, self.out = nn.Linear(3 + 2, 16), nn.Linear(16, 64)

    def forward(self, z, class_probs):
        h = torch.relu(self.hidden(torch.cat([z, class_probs], dim=1)))
        return torch.sigmoid(self.out(h)).view(-1, 1, 8, 8)


def build():
    torch.manual_seed(0)
    encoder, decoder = Encoder(), Decoder()
    with torch.no_grad():
        for _ in range(5):
            encoder(torch.rand(64, 1, 8, 8))
    return encoder.eval(), decoder.eval()
'''


def write_source(folder: Path, *edits: tuple[str, str]) -> Path:
    """`my_nets.py`, each edit made once where its old text stands."""
    text = SOURCE
    for old, new in edits:
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in the source"
        text = text.replace(old, new)
    path = folder / "my_nets.py"
    path.write_text(text)
    return path


def pictures(count: int = 24, seed: int = 0) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """uint8 [count, 1, 8, 8]: cats are bright above, dogs below; and their classes."""
    rng = np.random.default_rng(seed)
    classes = np.arange(count) % 2
    images = rng.integers(0, 60, (count, 1, 8, 8))
    for image, kind in zip(images, classes, strict=True):
        image[0, 4 * kind : 4 * kind + 4] += 150
    return images.astype(np.uint8), classes


def write_pictures(folder: Path, count: int = 24) -> Path:
    """`samples/` with a folder for each class."""
    images, classes = pictures(count)
    for number, (image, kind) in enumerate(zip(images, classes, strict=True)):
        path = folder / "samples" / CLASSES[kind] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image[0]).save(path)
    return folder / "samples"


def networks_of(folder: Path) -> tuple[nn.Module, nn.Module]:
    """What `build` of the folder's `my_nets.py` answers."""
    namespace: dict[str, Any] = {"__name__": "my_nets"}
    exec(compile((folder / "my_nets.py").read_text(), "my_nets.py", "exec"), namespace)  # noqa: S102, our own text
    encoder, decoder = namespace["build"]()
    return encoder, decoder


def weights_of(encoder: nn.Module, decoder: nn.Module) -> dict[str, Tensor]:
    """Weights of both networks in one file's names."""
    return dict(nn.ModuleDict({"encoder_classifier": encoder, "decoder": decoder}).state_dict())
