"""A trained network on disk: `config.json` and `model.safetensors`, in a run folder or a bundle's `checkpoint/`."""

import dataclasses
import json
import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import torch
from pydantic import Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass
from safetensors.torch import save as save_tensors
from torch import Tensor

from vaeport.common.fileio import write_atomic, write_text
from vaeport.common.strict_json import parse_strict
from vaeport.contract import MANIFEST_FILE, Shapes
from vaeport.errors import InputError

from ..configuration.config import RunConfig
from ..configuration.fields import STRICT, Count
from ..configuration.parsing import parse_config
from ..networks.vae import ConditionalVAE
from .sizes import check_costs, misfit, outline
from .tensor_file import TensorHeader, read_header, read_tensors

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.safetensors"
FORMAT = 1

MAX_CONFIG_BYTES = 2**20
"""A configuration is two kilobytes; one with 65,536 long class names stays below a megabyte."""
MAX_METADATA_BYTES = 2**16
"""What stands beside the tensors of a file: a few counters."""

_Size = Annotated[int, Field(gt=0, le=65536)]


@dataclass(config=STRICT)
class DataRecord:
    """What a run remembers of its data."""

    name: str
    """Name of the data set."""
    labels: Annotated[tuple[str, ...], Field(min_length=1)]
    """Names of the classes, by index."""
    image_shape: tuple[_Size, _Size, _Size]
    """Channels, height and width."""
    train_images: Count
    """How many images it was trained on."""
    held_out_images: Count
    """How many were held out."""
    fingerprint: str
    """SHA-256 of the training images and labels, in their order."""
    licence: str
    """Licence and authors of the images."""

    def __post_init__(self) -> None:
        if self.image_shape[0] not in (1, 3):
            raise ValueError(f"images have 1 or 3 channels, but image_shape is {list(self.image_shape)}")


@dataclasses.dataclass(frozen=True)
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


@dataclass(config=STRICT)
class _ConfigFile:
    """`config.json` as it stands; the tables of its `config` are parsed by themselves."""

    format: int
    preset: str
    config: dict[str, Any]
    data: DataRecord
    versions: dict[str, str]


@dataclasses.dataclass(frozen=True, eq=False)
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
    values = {
        "format": FORMAT,
        "preset": record.preset,
        "config": record.config.to_dict(),
        "data": asdict(record.data),
        "versions": record.versions,
    }
    write_text(folder / CONFIG_FILE, json.dumps(values, indent=2, ensure_ascii=False) + "\n")


def save_weights(folder: Path, network: ConditionalVAE, *, epochs: int) -> None:
    """Write `model.safetensors`, and in it how many epochs it has learned."""
    save_safetensors(folder / WEIGHTS_FILE, network.state_dict(), {"epochs": epochs})


def load_checkpoint(folder: str | os.PathLike[str]) -> Checkpoint:
    """Rebuild a network from a run folder or a bundle's `checkpoint/`.

    A run folder with networks of your own holds their code, which is imported: load those that you trust. Code in a
    bundle is never run.

    Raises:
        InputError: a file is missing or damaged, the weights do not fit the configuration, or the network's code is
            missing.
    """
    path = Path(folder)
    sealed = (path / ".." / MANIFEST_FILE).is_file()
    return read_checkpoint(path, lambda name: _read(path / name), run=None if sealed else path)


def read_checkpoint(
    folder: Path, read: Callable[[str], bytes], *, run: Path | None = None, shapes: Shapes | None = None
) -> Checkpoint:
    """Rebuild a network from the content of its two files, however they are read.

    What the configuration needs is compared with the header of the weights before any memory is asked for, so a network
    is never larger than the file of its weights.

    Args:
        folder: named in error messages.
        read: gives the content of `config.json` and `model.safetensors` by name.
        run: the run folder whose code of networks of your own may be run; None runs none, and refuses networks that
            cost more than a bundle's may (`vaeport_train.running.sizes`).
        shapes: those that the network must have; None where nothing is known of them.

    Raises:
        InputError: as of `load_checkpoint`.
    """
    record = parse_record(read(CONFIG_FILE), folder / CONFIG_FILE)
    if shapes is not None and record.shapes != shapes:
        raise InputError(f"{folder / CONFIG_FILE}: the checkpoint has other shapes than the bundle")
    content = read(WEIGHTS_FILE)
    _check_sizes(record, _header(content, folder / WEIGHTS_FILE), folder, sealed=run is None)
    tensors, metadata = _parse_safetensors(content, folder / WEIGHTS_FILE)
    try:
        with torch.random.fork_rng(devices=[]):  # initial weights are drawn, and the global generator is the caller's
            network = ConditionalVAE(record.config.network, record.shapes, folder=run)
    except (RuntimeError, MemoryError) as error:  # sizes that are allowed each, and too much together
        raise InputError(f"{folder / CONFIG_FILE}: its network cannot be built: {error}") from error
    load_weights(network, tensors, folder / WEIGHTS_FILE)
    epochs = metadata.get("epochs")
    if type(epochs) is not int or not 0 <= epochs <= record.config.training.epochs:
        raise InputError(f"{folder / WEIGHTS_FILE} does not say how many epochs it has learned (it says {epochs!r})")
    return Checkpoint(record, network.eval(), epochs)


def _check_sizes(record: RunRecord, header: TensorHeader, folder: Path, *, sealed: bool) -> None:
    """Refuse a configuration that needs other tensors than the file has, or costs too much, before it is built."""
    config = record.config.network
    try:
        network = outline(lambda: ConditionalVAE(config, record.shapes), config.kind)
        fault = misfit(network, header) if network else ""
        if network and sealed and not fault:
            check_costs(network.eval())
    except InputError as error:
        raise InputError(f"{folder / CONFIG_FILE}: {error}") from error
    if fault:
        raise InputError(f"{folder / WEIGHTS_FILE} does not fit the configuration beside it: {fault}")


def load_record(folder: Path) -> RunRecord:
    """Read `config.json`.

    Raises:
        InputError: it is missing, no JSON, of another format, or a field is wrong.
    """
    return parse_record(_read(folder / CONFIG_FILE), folder / CONFIG_FILE)


def parse_record(content: bytes, path: Path) -> RunRecord:
    """The record in the content of a `config.json`; errors as of `load_record`."""
    try:
        values = parse_strict(content, most=MAX_CONFIG_BYTES)
    except ValueError as error:
        raise InputError(f"{path} is damaged: it is no valid JSON, {error}") from error
    if not isinstance(values, dict):
        raise InputError(f"{path} is damaged: it must hold an object, but holds a {type(values).__name__}")
    if values.get("format", FORMAT) != FORMAT:
        raise InputError(f"{path} has format {values['format']!r:.60}, this vaeport reads format {FORMAT} only")
    try:
        file = TypeAdapter(_ConfigFile).validate_json(content, strict=True)
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(str(part) for part in problem["loc"])
        given = "" if problem["type"] == "missing" else f", got {problem['input']!r:.60}"
        raise InputError(f"{path} is damaged: {place!r}: {problem['msg']}{given}") from error
    return RunRecord(file.preset, parse_config(file.config, str(path)), file.data, file.versions)


def load_weights(network: ConditionalVAE, tensors: dict[str, Tensor], path: Path) -> None:
    """Put weights into a network, on whatever device it is.

    Raises:
        InputError: names, shapes or types do not fit, or a weight is not finite.
    """
    for name, tensor in network.state_dict().items():
        if name in tensors and tensors[name].dtype != tensor.dtype:
            raise InputError(
                f"{path} does not fit the configuration beside it: {name} is {tensors[name].dtype}, not {tensor.dtype}"
            )
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        problem = " ".join(str(error).split())
        raise InputError(f"{path} does not fit the configuration beside it: {problem}") from error
    if not all(bool(torch.isfinite(tensor).all()) for tensor in tensors.values()):
        raise InputError(f"{path} holds weights that are not finite; the run that wrote it has diverged")


def save_safetensors(path: Path, tensors: dict[str, Tensor], metadata: dict[str, Any] | None = None) -> None:
    """Write tensors and one JSON value beside them, atomically. A weight under two names is written twice."""
    contiguous: dict[str, Tensor] = {}
    seen: set[int] = set()
    for name, tensor in tensors.items():
        copied = tensor.detach().cpu().contiguous()
        place = copied.untyped_storage().data_ptr()
        contiguous[name] = copied.clone() if place in seen else copied
        seen.add(place)
    packed = {"vaeport": json.dumps(metadata, sort_keys=True)} if metadata is not None else None
    content = save_tensors(contiguous, packed)
    write_atomic(path, lambda file: file.write(content))


def load_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors of a file, and the JSON object beside them; nothing is unpickled.

    Raises:
        InputError: the file is missing or damaged.
    """
    return _parse_safetensors(_read(path), path)


def _header(content: bytes, path: Path) -> TensorHeader:
    try:
        return read_header(content)
    except ValueError as error:
        raise InputError(f"{path} is damaged: {error}") from error


def _parse_safetensors(content: bytes, path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    try:
        tensors, texts = read_tensors(content)
        metadata = parse_strict(texts.get("vaeport", "{}").encode(), most=MAX_METADATA_BYTES)
    except ValueError as error:
        raise InputError(f"{path} is damaged: {error}") from error
    if not isinstance(metadata, dict):
        raise InputError(f"{path} is damaged: its metadata must be an object, but is {metadata!r:.60}")
    return tensors, metadata


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise InputError(f"{path.parent} is no run folder: it holds no {path.name}") from error
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
