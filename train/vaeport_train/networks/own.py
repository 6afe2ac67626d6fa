"""Networks of your own: any object with `encoder`, `classifier` and `decoder`, made by a function in a file.

    encoder(image) or encoder(image, class_probs) -> z_mean, z_logvar    each float32 [N, Z]
    classifier(image)                             -> logits              float32 [N, K]
    decoder(z, class_probs)                       -> pixel logits        float32 [N, C, H, W]

`image` is float32 [N, C, H, W] in [0, 1], `class_probs` float32 [N, K], `z` float32 [N, Z]; Z is what the encoder
answers with. An encoder is given `class_probs` where its `forward` has a second argument without a default, or one of
that name.

A run keeps the function's name, the SHA-256 of its file and, in `network/`, a copy of the file. The file is imported
from where it was, if it still is there unchanged, so that the modules beside it are found; else the copy is.
"""

import json
from dataclasses import dataclass as plain_dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from vaeport.contract import Shapes
from vaeport.errors import InputError

from ..configuration.fields import MAX_WIDTH, STRICT, Width
from .own_checks import PARTS, check_answers, check_training, hidden_by_execution, taken
from .parts import full_precision
from .registry import Parts
from .source_file import SourceFile, call_factory, parse_factory, read_source

FOLDER = "network"
"""Folder in a run that keeps the file."""
_ORIGIN_FILE = "origin.json"


@dataclass(config=STRICT)
class Config:
    """Where networks of your own come from."""

    kind: Literal["own"]
    """Tells the kinds of networks apart."""
    factory: Annotated[str, Field(pattern=r"^[^/\\:]+\.py:[^\W\d]\w*$")]
    """Name of the file and of the function in it, `my_nets.py:build`."""
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    """SHA-256 of the file."""
    latent_dim: Width
    """Z, as the encoder answers."""


@plain_dataclass(frozen=True)
class OwnNetworks:
    """Networks of your own that were checked, for a run that is about to begin."""

    config: Config
    """What the run's record keeps."""
    files: dict[str, bytes]
    """What the run folder keeps, by path in it."""


def adopt(factory: str, shapes: Shapes, *, on: torch.device) -> OwnNetworks:
    """Import, build and check networks of your own.

    Args:
        factory: `FILE.py:NAME`.
        shapes: sizes of the data's tensors; its `latent_dim` is not used.
        on: device that they will train on; they are run there once.

    Raises:
        InputError: the file, the function or a network is not as described above; the sentence names the part.
    """
    path, name = parse_factory(factory)
    source = read_source(path)
    where = f"{path.name}:{name}"
    with torch.random.fork_rng(devices=[]):  # the global generator is the caller's
        parts = _parts(call_factory(source, name, _for_factory(shapes)), where)
    for part in parts.values():
        part.to(on)
    latent_dim = check_answers(parts, shapes, where)
    if not 0 < latent_dim <= MAX_WIDTH:
        raise InputError(f"{where}: the encoder answers with {latent_dim} latent dimensions; expected 1 to {MAX_WIDTH}")
    check_training(parts, shapes, where)
    config = Config("own", where, source.sha256, latent_dim)
    origin = json.dumps({"path": str(source.path)}).encode()
    return OwnNetworks(config, {f"{FOLDER}/{path.name}": source.content, f"{FOLDER}/{_ORIGIN_FILE}": origin})


def build(config: Config, shapes: Shapes, folder: Path | None = None) -> Parts:
    """The networks of a run, from their file where it was or from the run's copy.

    Raises:
        InputError: there is no run folder (a bundle holds no code), the file is gone or changed, or it builds others.
    """
    name = config.factory.rpartition(":")[2]
    if folder is None:
        raise InputError(
            f"the network's code, {config.factory}, is not in a bundle; load the run folder that it was exported from"
        )
    parts = _parts(call_factory(_source(config, folder), name, _for_factory(shapes)), config.factory)
    for part in parts.values():
        part.cpu()  # wherever their author put them
    latent_dim = check_answers(parts, shapes, config.factory)
    if latent_dim != config.latent_dim:
        raise InputError(
            f"{config.factory} now builds an encoder of {latent_dim} latent dimensions; the run has {config.latent_dim}"
        )
    hidden = hidden_by_execution(parts, shapes)
    encoder, classifier, decoder = (OwnPart(parts[part], taken(parts[part], part), hidden[part]) for part in PARTS)
    return Parts(encoder, classifier, decoder, foreign=True)


class OwnPart(nn.Module):
    """An encoder, classifier or decoder of your own; its answers are float32 under autocast too.

    Args:
        module: the module.
        inputs: how many of its inputs it takes: an encoder may leave out the class.
        hidden: names of its hidden matrices, where it has no method `hidden_matrices`.
    """

    def __init__(self, module: nn.Module, inputs: int, hidden: tuple[str, ...]) -> None:
        super().__init__()
        self.module = module
        self.inputs = inputs
        self.hidden = hidden

    def hidden_matrices(self) -> list[nn.Parameter]:
        """Weights between hidden layers: as the module says, else all but those of its first and last layers."""
        method = getattr(self.module, "hidden_matrices", None)
        return list(method()) if callable(method) else [self.module.get_parameter(name) for name in self.hidden]

    def forward(self, *inputs: Tensor) -> Any:
        """What the module answers."""
        answer = self.module(*inputs[: self.inputs])
        if isinstance(answer, Tensor):
            return full_precision(answer)
        return tuple(full_precision(tensor) for tensor in answer)


def _for_factory(shapes: Shapes) -> Shapes:
    """Shapes without the latent's size, which is the encoder's to choose: the same whenever the networks are built."""
    return Shapes(shapes.image, 0, shapes.classes)


def _parts(made: object, where: str) -> dict[str, nn.Module]:
    parts = {name: getattr(made, name, None) for name in PARTS}
    if missing := [name for name, part in parts.items() if part is None]:
        raise InputError(
            f"{where} returned a {type(made).__name__} without {missing[0]!r}; it needs {', '.join(PARTS)}"
        )
    for name, part in parts.items():
        if not isinstance(part, nn.Module):
            raise InputError(f"{where}: {name!r} is of type {type(part).__name__}; expected a torch.nn.Module")
    return {name: part for name, part in parts.items() if isinstance(part, nn.Module)}


def _source(config: Config, folder: Path) -> SourceFile:
    """The file where it was, if it is what the run began with; else the run's copy."""
    file = config.factory.rpartition(":")[0]
    copy = folder / FOLDER / file
    for path in (_origin(folder), copy):
        if path is not None and path.is_file() and (source := read_source(path)).sha256 == config.sha256:
            return source
    if not copy.is_file():
        raise InputError(f"{folder} holds no {FOLDER}/{file}, the code of its network; only a whole run folder has it")
    raise InputError(f"{copy} is not the file that the run began with: its SHA-256 is another")


def _origin(folder: Path) -> Path | None:
    try:
        values = json.loads((folder / FOLDER / _ORIGIN_FILE).read_bytes())
        return Path(values["path"])
    except (OSError, ValueError, TypeError, KeyError):
        return None
