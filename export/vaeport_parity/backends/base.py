"""What a backend is. Adapters run where vaeport is not installed, too: they import numpy and their runtime, no more."""

import importlib
import importlib.metadata
import os
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Arrays = dict[str, NDArray[Any]]
"""Tensors by name; bfloat16 has the dtype of ml_dtypes."""

ENVIRONMENTS_VARIABLE = "VAEPORT_PARITY_ENVIRONMENTS"
"""Names the folder of the environments; `~/.cache/vaeport/parity` where it is unset."""

ALL_PRECISIONS = ("fp32", "fp16", "int8")
"""For `Facts.precisions` of what runs each of them faithfully."""

FLOATS = ("float16", "bfloat16", "float32", "float64")
"""Element types whose answers are compared within a tolerance."""

Runner = Callable[[Arrays], Mapping[str, Any]]
"""Runs a loaded graph: inputs by name, in the graph's order, to outputs by name; an output may be of any type that
`numpy.asarray` takes."""

Shapes = Mapping[str, tuple[int, ...]]
"""Shape of each input, by name, for one run."""


@dataclass(frozen=True)
class Tensor:
    """One input or output of a graph."""

    name: str
    """Its name."""
    dtype: str
    """`float32`, `float16`, `bfloat16`, `int64`, `bool`, ..."""
    shape: tuple[int | str, ...]
    """A size or the name of a symbolic axis for each axis."""

    def sized(self, sizes: Mapping[str, int]) -> tuple[int, ...]:
        """The shape with a size for each symbolic axis."""
        return tuple(axis if isinstance(axis, int) else sizes[axis] for axis in self.shape)


@dataclass(frozen=True)
class GraphFile:
    """A graph to load."""

    name: str
    """Name of the graph; any text."""
    path: Path
    """The ONNX file, only to be read."""
    inputs: Mapping[str, Tensor]
    """Inputs by name, in the order of the file."""
    outputs: Mapping[str, Tensor]
    """Outputs by name, in the order of the file."""
    original: Path | None
    """Folder with `program.json` and `weights.safetensors`, for backends that run PyTorch; None if there is none."""
    scratch: Path
    """A folder of the graph's own, to convert and compile in."""
    environment: Path
    """Folder of the backend's environment, where its npm packages are; it need not exist."""

    @property
    def batch(self) -> str | None:
        """Name of the symbolic first axis that all inputs share; None where there is no such axis."""
        first = {tensor.shape[0] if tensor.shape else 0 for tensor in self.inputs.values()}
        (axis,) = first if len(first) == 1 else (None,)
        return axis if isinstance(axis, str) else None


@dataclass(frozen=True)
class Facts:
    """What is known of a backend before it is started."""

    name: str
    """Name in reports and on the command line."""
    module: str = ""
    """Module whose presence tells that it is installed."""
    packages: tuple[str, ...] = ()
    """Requirements that pip installs into its environment; empty for what vaeport's own extras bring."""
    pip_options: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Options of pip for single ones of `packages`, which are installed by themselves, after the others."""
    npm_packages: tuple[str, ...] = ()
    """What npm installs into its environment."""
    npm_options: tuple[str, ...] = ()
    """Options of npm for that."""
    programs: tuple[str, ...] = ()
    """Programs that it needs on the PATH beside that."""
    environment: str = ""
    """Environment it shares with others; its name if empty."""
    counts: bool = True
    """Whether it must hold; one that is known to fall short is shown, by measurement, and does not decide."""
    precisions: tuple[str, ...] = ("fp32",)
    """Precisions in which it must hold, if it counts; in the others it is shown."""
    from_original: bool = False
    """Whether it runs the PyTorch original instead of the file."""
    float64: bool = False
    """Whether it computes and answers in float64, whatever float types the graph has."""
    any_names: bool = False
    """Whether it takes inputs and outputs of any names; else it gets a copy of the graph with plain ones if need be."""
    empty_batch: bool = True
    """Whether it must take a batch of 0."""
    slow: bool = False
    """Whether it is spared most of the given rows where a row is costly."""
    remark: str = ""
    """What to know of it, for the report."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """Environment variables of its process."""
    imports: tuple[str, ...] = ()
    """Modules beside `module` that take long to import: once for all its runs, where these are forked."""
    pinned: tuple[str, ...] = ()
    """Distributions that `NAME==VERSION` asks for in that version; empty where a version cannot be chosen."""
    own_environment: bool = False
    """Whether nothing but its own environment will do: what is installed elsewhere is another version."""
    older: tuple[tuple[str, str], ...] = ()
    """What versions below one need beside that: pairs of a version and a requirement."""
    switches: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Its own way to be limited to an instruction set: environment variables by level, such as `x86-64-v3`."""
    own_programs: Literal["", "converts", "computes"] = ""
    """What it does in programs that it starts, which an emulator of its Python does not reach."""
    limit: str = ""
    """Instruction set that it is limited to; empty where it has all of the processor's."""
    emulator: tuple[str, ...] = ()
    """What is written before the interpreter: an emulator with its options."""
    emulated_device: bool = False
    """Whether it computes on a device that the processor plays, and is asked about fewer rows, as an emulator is."""
    architecture: str = ""
    """Architecture that its environment is made for, such as `aarch64`; empty for that of this machine."""

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
        """Make a graph ready to run.

        Raises:
            Exception: any, with a sentence that says why this graph cannot be loaded.
        """


def environments_folder() -> Path:
    """Folder that holds the environments."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.get(ENVIRONMENTS_VARIABLE) or cache / "vaeport/parity")


def distribution_of(requirement: str) -> str:
    """Name of the distribution that a requirement of pip is about, in lower case."""
    name = re.match(r"[A-Za-z0-9._-]*[A-Za-z0-9]", requirement)
    return name.group().lower() if name else requirement


def environment_of(facts: Facts) -> Path:
    """Folder of a backend's own environment, made or not."""
    return environments_folder() / (facts.environment or facts.name)


def installed_version(distribution: str) -> str:
    """Version of an installed distribution.

    Raises:
        ModuleNotFoundError: it is not installed.
    """
    return importlib.metadata.version(distribution)


def numpy_dtype(name: str) -> np.dtype[Any]:
    """The numpy dtype of an element type.

    Raises:
        TypeError: numpy does not know it, and ml_dtypes, which does, is not installed.
    """
    try:
        return np.dtype(name)
    except TypeError:
        pass
    try:
        dtype: np.dtype[Any] = np.dtype(getattr(importlib.import_module("ml_dtypes"), name))
    except (ImportError, AttributeError) as error:
        raise TypeError(f"there is no {name} here: it needs the package ml_dtypes") from error
    return dtype


def refuse_types(graph: GraphFile, taken: Collection[str], runtime: str) -> None:
    """Refuse a graph with an input or output of a type that a runtime does not take.

    Args:
        graph: the graph.
        taken: element types that it takes.
        runtime: its name, for the sentence.

    Raises:
        TypeError: names the tensor and its type.
    """
    for kind, tensors in (("input", graph.inputs), ("output", graph.outputs)):
        for tensor in tensors.values():
            if tensor.dtype not in taken:
                raise TypeError(f"{runtime} takes no {tensor.dtype}, the type of the {kind} {tensor.name!r}")


def per_shape(load: Callable[[Shapes], Runner]) -> Runner:
    """A runner for a backend that compiles a graph for fixed sizes: each combination of input shapes is loaded once.

    Shapes that could not be loaded are refused with the same error again, without another try.
    """
    loaded: dict[tuple[tuple[int, ...], ...], Runner | Exception] = {}

    def run(inputs: Arrays) -> Mapping[str, Any]:
        shapes = {name: values.shape for name, values in inputs.items()}
        key = tuple(shapes.values())
        if key not in loaded:
            try:
                loaded[key] = load(shapes)
            except Exception as error:  # noqa: BLE001 - runtimes raise errors of all kinds
                loaded[key] = error
        found = loaded[key]
        if isinstance(found, Exception):
            raise found
        return found(inputs)

    return run


def symbolic_or_fixed(load: Callable[[Shapes | None], Runner], graph: GraphFile) -> Runner:
    """A runner for a backend that takes symbolic axes in some graphs only.

    Args:
        load: loads the graph with its symbolic axes, given None, or for fixed shapes.
        graph: the graph.

    Returns:
        What `load(None)` gives; if it fails and the graph has symbolic axes, a runner that loads it for each
        combination of input shapes.
    """
    try:
        return load(None)
    except ImportError:
        raise
    except Exception:
        if not any(isinstance(axis, str) for tensor in graph.inputs.values() for axis in tensor.shape):
            raise
    return per_shape(load)


def row_by_row(run: Runner, graph: GraphFile) -> Runner:
    """A runner for a backend that knows no batch: rows one after the other, each with a batch axis of 1.

    Args:
        run: runs one row.
        graph: the graph; one without a batch is run as it is.

    Raises:
        ValueError: an output does not have the batch as its first axis, so that rows cannot be put together.
    """
    batch = graph.batch
    if batch is None:
        return run
    for tensor in graph.outputs.values():
        if tensor.shape[:1] != (batch,):
            raise ValueError(f"rows are run one by one, but the output {tensor.name!r} has no batch as its first axis")

    def run_all(inputs: Arrays) -> Mapping[str, Any]:
        count = len(next(iter(inputs.values())))
        if not count:
            raise ValueError("rows are run one by one, and the batch is empty")
        rows = [run({name: values[row : row + 1] for name, values in inputs.items()}) for row in range(count)]
        return {
            name: np.concatenate([_as_row(np.asarray(row[name]), tensor) for row in rows])
            for name, tensor in graph.outputs.items()
        }

    return run_all


def contiguous(values: NDArray[Any]) -> NDArray[Any]:
    """The same values in C order; 0-d stays 0-d, which `numpy.ascontiguousarray` makes 1-d."""
    return np.asarray(values, order="C")


def _as_row(values: NDArray[Any], tensor: Tensor) -> NDArray[Any]:
    """One row with its batch axis of 1, which some runtimes leave away."""
    return values if values.ndim == len(tensor.shape) and values.shape[0] == 1 else values.reshape(1, *values.shape)
