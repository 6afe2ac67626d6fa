"""A trained network on disk: `config.json` and `model.safetensors`, in a run folder or a bundle's `checkpoint/`."""

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from vaeport.common.fileio import write_atomic, write_text
from vaeport.contract import Shapes
from vaeport.errors import InputError

from ..configuration.config import RunConfig
from ..configuration.parsing import parse_config
from ..networks.vae import ConditionalVAE

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.safetensors"
FORMAT = 1


@dataclass(frozen=True)
class DataRecord:
    """What a run remembers of its data."""

    name: str
    """Name of the data set."""
    labels: tuple[str, ...]
    """Names of the classes, by index."""
    image_shape: tuple[int, int, int]
    """Channels, height and width."""
    train_images: int
    """How many images it was trained on."""
    held_out_images: int
    """How many were held out."""
    fingerprint: str
    """SHA-256 of the training images and labels, in their order."""
    licence: str
    """Licence and authors of the images."""


@dataclass(frozen=True)
class RunRecord:
    """Content of `config.json`: with the weights, all that rebuilds the network and tells where it came from."""

    preset: str
    """Preset that the configuration began with."""
    config: RunConfig
    """The configuration, resolved."""
    data: DataRecord
    """The data it was trained on."""
    versions: dict[str, str]
    """Software that trained it."""

    @property
    def shapes(self) -> Shapes:
        """Sizes of every tensor of the contract."""
        return Shapes(self.data.image_shape, self.config.network.latent_dim, len(self.data.labels))


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A network and its record."""

    record: RunRecord
    """Where it came from."""
    network: ConditionalVAE
    """The network, in evaluation mode, on the CPU."""
    epochs: int
    """Epochs that it has learned; fewer than the record's where the run was stopped."""


def save_record(folder: Path, record: RunRecord) -> None:
    """Write `config.json`."""
    values = {"format": FORMAT, **asdict(record), "config": record.config.to_dict()}
    write_text(folder / CONFIG_FILE, json.dumps(values, indent=2, ensure_ascii=False) + "\n")


def save_weights(folder: Path, network: ConditionalVAE, *, epochs: int) -> None:
    """Write `model.safetensors`, and in it how many epochs it has learned."""
    save_safetensors(folder / WEIGHTS_FILE, network.state_dict(), {"epochs": epochs})


def load_checkpoint(folder: str | os.PathLike[str]) -> Checkpoint:
    """Rebuild a network from a run folder or a bundle's `checkpoint/`.

    Raises:
        InputError: a file is missing or damaged, or the weights do not fit the configuration.
    """
    path = Path(folder)
    return read_checkpoint(path, lambda name: _read(path / name))


def read_checkpoint(folder: Path, read: Callable[[str], bytes]) -> Checkpoint:
    """Rebuild a network from the content of its two files, however they are read.

    Args:
        folder: named in error messages.
        read: gives the content of `config.json` and `model.safetensors` by name.

    Raises:
        InputError: as of `load_checkpoint`.
    """
    record = _parse_record(read(CONFIG_FILE), folder / CONFIG_FILE)
    tensors, metadata = _parse_safetensors(read(WEIGHTS_FILE), folder / WEIGHTS_FILE)
    network = ConditionalVAE(record.config.network, record.shapes)
    load_weights(network, tensors, folder / WEIGHTS_FILE)
    epochs = metadata.get("epochs")
    if not isinstance(epochs, int):
        raise InputError(f"{folder / WEIGHTS_FILE} does not say how many epochs it has learned")
    return Checkpoint(record, network.eval(), epochs)


def load_record(folder: Path) -> RunRecord:
    """Read `config.json`.

    Raises:
        InputError: it is missing, no JSON, of another format, or a field is wrong.
    """
    return _parse_record(_read(folder / CONFIG_FILE), folder / CONFIG_FILE)


def _parse_record(content: bytes, path: Path) -> RunRecord:
    try:
        values = json.loads(content)
        data = values["data"]
        _check_format(values["format"], path)
        channels, height, width = (int(size) for size in data["image_shape"])
        if channels not in (1, 3) or min(height, width) < 1:
            raise ValueError(f"no image has the shape {data['image_shape']}")  # noqa: TRY301 - told like the others
        return RunRecord(
            preset=str(values["preset"]),
            config=parse_config(values["config"], str(path)),
            data=DataRecord(
                name=str(data["name"]),
                labels=tuple(str(label) for label in data["labels"]),
                image_shape=(channels, height, width),
                train_images=int(data["train_images"]),
                held_out_images=int(data["held_out_images"]),
                fingerprint=str(data["fingerprint"]),
                licence=str(data["licence"]),
            ),
            versions={str(name): str(version) for name, version in values["versions"].items()},
        )
    except InputError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path} cannot be read as a run's configuration: {error!r}") from error


def _check_format(given: object, path: Path) -> None:
    if given != FORMAT:
        raise InputError(f"{path} has format {given!r}, this vaeport reads format {FORMAT} only")


def load_weights(network: ConditionalVAE, tensors: dict[str, Tensor], path: Path) -> None:
    """Put weights into a network.

    Raises:
        InputError: names or shapes do not fit, or a weight is not finite.
    """
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        problem = " ".join(str(error).split())
        raise InputError(f"{path} does not fit the configuration beside it: {problem}") from error
    if not all(bool(torch.isfinite(tensor).all()) for tensor in tensors.values()):
        raise InputError(f"{path} holds weights that are not finite; the run that wrote it has diverged")


def save_safetensors(path: Path, tensors: dict[str, Tensor], metadata: dict[str, Any] | None = None) -> None:
    """Write tensors and one JSON value beside them, atomically."""
    contiguous = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    packed = {"vaeport": json.dumps(metadata, sort_keys=True)} if metadata is not None else None
    content = save_tensors(contiguous, packed)
    write_atomic(path, lambda file: file.write(content))


def load_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors of a file, and the JSON value beside them; nothing is unpickled.

    Raises:
        InputError: the file is missing or damaged.
    """
    return _parse_safetensors(_read(path), path)


def _parse_safetensors(content: bytes, path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    try:
        tensors = load_tensors(content)
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        return tensors, json.loads(header.get("__metadata__", {}).get("vaeport", "{}"))
    except (ValueError, SafetensorError) as error:
        raise InputError(f"{path} is damaged: {error}") from error


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise InputError(f"{path.parent} is no run folder: it holds no {path.name}") from error
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
