"""What a backend is. Adapters run where vaeport is not installed, too: they import numpy and their runtime, no more."""

import importlib.metadata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Arrays = dict[str, NDArray[Any]]

ALL_PRECISIONS = ("fp32", "fp16", "int8")
"""For `Facts.precisions` of what runs each of them faithfully."""

Runner = Callable[[dict[str, NDArray[Any]]], Mapping[str, Any]]
"""Runs a loaded graph: float32 inputs by name, in the contract's order, to outputs by name."""


@dataclass(frozen=True)
class GraphFile:
    """A graph to load."""

    name: str
    """Name of the graph."""
    path: Path
    """The sealed ONNX file, only to be read."""
    inputs: Mapping[str, tuple[int, ...]]
    """Shape of one row of each input, in the contract's order."""
    outputs: Mapping[str, tuple[int, ...]]
    """Shape of one row of each output, in the contract's order."""
    bundle: Path
    """Folder of the whole bundle, for backends that run the checkpoint instead of the file."""
    scratch: Path
    """A folder of the backend's own, to convert and compile in."""


@dataclass(frozen=True)
class Facts:
    """What is known of a backend before it is started."""

    name: str
    """Name in reports and on the command line."""
    module: str = ""
    """Module whose presence tells that it is installed."""
    packages: tuple[str, ...] = ()
    """What pip installs into its environment; empty for what vaeport's own extras bring."""
    npm_packages: tuple[str, ...] = ()
    """What npm installs into its environment."""
    programs: tuple[str, ...] = ()
    """Programs that it needs on the PATH beside that."""
    environment: str = ""
    """Environment it shares with others; its name if empty."""
    counts: bool = True
    """Whether it must hold; one that is known to fall short is shown, by measurement, and does not decide."""
    precisions: tuple[str, ...] = ("fp32",)
    """Precisions in which it must hold, if it counts; in the others it is shown."""
    from_checkpoint: bool = False
    """Whether it runs the PyTorch original instead of the file."""
    empty_batch: bool = True
    """Whether it must take a batch of 0."""
    slow: bool = False
    """Whether it is spared most of the test images of a network with convolutions."""
    remark: str = ""
    """What to know of it, for the report."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """Environment variables of its process."""

    @property
    def has_environment(self) -> bool:
        """Whether it needs more than vaeport's own extras bring."""
        return bool(self.packages or self.npm_packages)


class Backend(Protocol):
    """One way of running a graph."""

    @property
    def facts(self) -> Facts:
        """What is known of it."""

    def version(self) -> str:
        """Version of the software behind it.

        Raises:
            ImportError: it is not installed.
        """

    def load(self, graph: GraphFile) -> Runner:
        """Make a graph ready to run."""


def installed_version(distribution: str) -> str:
    """Version of an installed distribution.

    Raises:
        ModuleNotFoundError: it is not installed.
    """
    return importlib.metadata.version(distribution)


def per_batch(load: Callable[[int], Runner], inputs: Mapping[str, tuple[int, ...]]) -> Runner:
    """A runner for a backend that compiles a graph for one batch size: each size is loaded once."""
    loaded: dict[int, Runner] = {}
    first = next(iter(inputs))

    def run(given: dict[str, NDArray[Any]]) -> Mapping[str, Any]:
        batch = len(given[first])
        if batch not in loaded:
            loaded[batch] = load(batch)
        return loaded[batch](given)

    return run


def row_by_row(run: Runner, outputs: Mapping[str, tuple[int, ...]]) -> Runner:
    """A runner for a backend that knows no batch: rows one after the other, each with a batch axis of 1."""

    def run_all(given: dict[str, NDArray[Any]]) -> Mapping[str, Any]:
        batch = len(next(iter(given.values())))
        rows = [run({name: values[row : row + 1] for name, values in given.items()}) for row in range(batch)]
        return {
            name: np.concatenate([np.asarray(row[name]).reshape(1, *shape) for row in rows])
            if rows
            else np.zeros((0, *shape), np.float32)
            for name, shape in outputs.items()
        }

    return run_all
