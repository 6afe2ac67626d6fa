"""Which kinds of networks there are: the one place that a new kind is entered in."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from vaeport.contract import Shapes
from vaeport.errors import InputError

if TYPE_CHECKING:
    from torch import nn


class NetworkConfig(Protocol):
    """The dimensions of networks of one kind: a frozen pydantic dataclass."""

    @property
    def kind(self) -> str:
        """Name of the kind, under which the configuration is parsed."""

    @property
    def latent_dim(self) -> int:
        """Z, the dimensions of the latent."""


@dataclass(frozen=True)
class Parts:
    """The three networks of a kind; see `ConditionalVAE` for what each takes and returns.

    A part may offer more, see `vaeport_train.networks.parts`.
    """

    encoder: "nn.Module"
    """Image and class probabilities -> mean, log-variance."""
    classifier: "nn.Module"
    """Image -> class logits."""
    decoder: "nn.Module"
    """Latents and class probabilities -> logits of the pixel means."""
    foreign: bool = False
    """Whether the modules are anybody's: they may draw random numbers (dropout), leave weights unused, and rely on the
    memory layout, so that none is changed."""


class KindModule(Protocol):
    """What the module of a kind offers."""

    Config: type[Any]
    """The kind's `NetworkConfig`."""
    build: Callable[[Any, Shapes, Path | None], Parts]
    """Make networks from a configuration, the shapes of the data, and the run folder, where a kind may keep files (None
    for a network that is in no run folder)."""


@dataclass(frozen=True)
class NetworkKind:
    """One kind of networks."""

    name: str
    """Value of `network.kind`."""
    help: str
    """One line for the command's help."""
    module: str
    """Module that offers `Config` and `build`; imported when first used, so that the help needs no PyTorch."""

    def load(self) -> KindModule:
        """The kind's module."""
        return cast("KindModule", importlib.import_module(self.module))


_KINDS: dict[str, NetworkKind] = {}


def register_kind(kind: NetworkKind) -> None:
    """Add a kind of networks, or replace the one of the same name."""
    _KINDS[kind.name] = kind


def kinds() -> tuple[NetworkKind, ...]:
    """All kinds, in the order in which they were registered."""
    return tuple(_KINDS.values())


def kind_of(name: object) -> NetworkKind:
    """A kind by its name.

    Raises:
        InputError: there is no such kind.
    """
    if not isinstance(name, str) or name not in _KINDS:
        raise InputError(f"unknown network kind {name!r}; known are {', '.join(_KINDS)}")
    return _KINDS[name]


register_kind(NetworkKind("mlp", "feed-forward layers on the row of pixels", "vaeport_train.networks.mlp"))
register_kind(NetworkKind("conv", "convolutions, and an average of small classifiers", "vaeport_train.networks.conv"))
register_kind(NetworkKind("own", "modules of yours, given with --network", "vaeport_train.networks.own"))
