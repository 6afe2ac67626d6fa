"""What is compared: graphs with their references, the inputs that backends are asked with, and what is known beside."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from numpy.typing import NDArray

from vaeport.contract import Tolerance

from ..running.arrays import divided, rows_of
from .tensors import Arrays, TensorSpec, batch_axis

if TYPE_CHECKING:
    from ..judging.report import Finding, Row
    from ..reference.base import Reference
    from ..reporting.report import Report

CHAIN = "chain"
"""Usual name of the graphs of a subject one after the other, in steps and reports."""

Cuts = Literal["sizes", "chunks", "alone", "whole"]
"""How an input set is cut into batches: all at once, then in the sizes of `asking.steps`, some of them twice; batches
of 250; all at once, then each row alone; all at once."""


@dataclass(frozen=True, eq=False)
class Graph:
    """One ONNX graph and its reference."""

    name: str
    """Name in steps and reports."""
    content: bytes
    """The ONNX file."""
    file: str
    """Path of the file, for messages."""
    inputs: tuple[TensorSpec, ...]
    """Inputs in the order of the file."""
    outputs: tuple[TensorSpec, ...]
    """Outputs in the order of the file."""
    reference: "Reference"
    """Gives the answers that backends are compared with."""
    scores: frozenset[str] = frozenset()
    """Outputs whose largest entry along the last axis is a class: flips are counted."""
    tolerances: Mapping[str, Tolerance] | None = None
    """Bound by output; None, or an output without one: measured from the reference's own rounding noise. A bound with a
    noise floor is a claim that is checked against the noise that is measured."""
    original: Path | None = None
    """Folder with `program.json` and `weights.safetensors`, for the backends that run PyTorch; None where there is no
    PyTorch original."""
    noise: Callable[[Arrays, Arrays], Iterable[Mapping[str, float]]] | None = None
    """Hook for references without noise of their own: from inputs and the reference's answers to them the rounding
    noise by output, by one way to measure after another, the cheapest first."""

    @property
    def batch(self) -> str | None:
        """Name of the symbolic first axis that all inputs share; None where there is no batch."""
        return batch_axis(self.inputs)

    @property
    def batched_outputs(self) -> frozenset[str]:
        """Outputs whose first axis is the batch."""
        batch = self.batch
        return frozenset(spec.name for spec in self.outputs if batch and spec.shape[:1] == (batch,))

    def output(self, name: str) -> TensorSpec:
        """Type and shape of one output."""
        return next(spec for spec in self.outputs if spec.name == name)


@dataclass(frozen=True)
class Chain:
    """Graphs one after the other: outputs of one are inputs of a later one."""

    graphs: tuple[str, ...]
    """Names of the graphs, in the order in which they run."""
    links: Mapping[tuple[str, str], tuple[str, str]]
    """(graph, output) that is given to each (graph, input); inputs of the first graph have none."""
    outputs: tuple[str, ...]
    """Outputs of the last graph that are compared."""
    name: str = CHAIN
    """Name in steps and reports."""


@dataclass(frozen=True, eq=False)
class InputSet:
    """Inputs of one graph or of the chain."""

    name: str
    """`probes`, `edges`, `pixels`, ...; once for each graph."""
    graph: str
    """Name of the graph, or of the chain."""
    inputs: Arrays
    """Arrays by input name; where the input has a divisor they are uint8."""
    batched: bool = True
    """Whether the first axis of every input is the batch; else the set is one run and is not cut."""
    divisors: Mapping[str, float] = field(default_factory=dict)
    """For inputs that are stored as uint8: what the backend's side divides by in float32, as an application does."""
    cuts: Cuts = "whole"
    """How the set is cut into batches."""
    note: str = ""
    """How it was made, for the report; empty where that needs no words."""
    given: bool = False
    """Whether the rows are the user's own data, of which slow backends are spared most."""
    scale: str = ""
    """Sets of one scale share a noise floor; empty: that of the probes. Much larger inputs have their own."""
    again: bool = False
    """Whether its rows stand in another set too, and are not counted anew."""
    spot: bool = False
    """For given rows that nobody asked for: where rows are costly, one backend of each runtime is asked about all of
    them, the others about some."""
    native: Arrays | None = None
    """The reference's native answers to all rows, where making the set took them."""

    def __len__(self) -> int:
        """Rows; 1 where there is no batch."""
        return len(next(iter(self.inputs.values()))) if self.batched and self.inputs else 1

    def rows(self, start: int, stop: int) -> Arrays:
        """Inputs of some rows as the graph takes them: divided, and cut where there is a batch.

        Past the last row it begins again with the first.
        """
        if not self.batched:
            return self.values()
        return {name: self._divided(name, rows_of(values, start, stop)) for name, values in self.inputs.items()}

    def values(self) -> Arrays:
        """All inputs as the graph takes them."""
        return {name: self._divided(name, values) for name, values in self.inputs.items()}

    def _divided(self, name: str, values: NDArray[Any]) -> NDArray[Any]:
        return divided(values, self.divisors[name]) if name in self.divisors else values


@dataclass(frozen=True, eq=False)
class Recorded:
    """Answers from a file that is itself to be judged, such as a bundle's golden.npz."""

    file: str
    """Name of the file; stands where rows of backends have the backend's name."""
    graph: str
    """Name of the graph."""
    inputs: Arrays
    """Inputs by name."""
    answers: tuple[Arrays, ...]
    """Answers by output name, one for each type in which they were recorded."""


@dataclass(frozen=True)
class Blame:
    """The one of several files about the same network that contradicts all others."""

    file: str
    """Its path."""
    text: str
    """What it has and what the others have, in one sentence."""


@dataclass(frozen=True, eq=False)
class Subject:
    """Everything that is compared at once."""

    name: str
    """Name in reports."""
    graphs: tuple[Graph, ...]
    """The graphs."""
    input_sets: tuple[InputSet, ...]
    """What backends are asked with; each graph has one named `probes`."""
    chain: Chain | None = None
    """How the graphs follow each other, if they do."""
    label: str = ""
    """Precision of the graphs in reports: empty for float32, else `fp16`, `int8`, ..."""
    precisions: tuple[str, ...] = ()
    """Every precision that the subject's path has, by the names that `SubjectOptions` takes."""
    yardstick: str = "PyTorch"
    """What the reference is, in words."""
    recorded: tuple[Recorded, ...] = ()
    """Recorded answers to judge as well."""
    findings: "Callable[[Sequence[Row]], Sequence[Finding]] | None" = None
    """Hook: what reading the subject's own files shows, beside what holds for any graph; it gets the report's rows."""
    fresh: Callable[[str], bytes] | None = None
    """Hook: a graph (by name) as the exporter makes it now, or as it was before it was converted; file differences are
    told against it."""
    blame: Callable[[str], Blame | None] | None = None
    """Hook: which of the files that speak of a graph (by name) contradicts the others; None where none stands alone."""
    sealed: bool = False
    """Whether the graphs claim to be what `fresh` makes, so that other weights or branches are wrong; else they are
    conversions of it, of which differences are told for information."""
    seal: "Callable[[Report], None] | None" = None
    """Hook: keep a report beside the subject; None where there is no place for it."""
    empty_batch: bool = True
    """Whether backends must take a batch of 0; else they may refuse it."""
    costly: bool = False
    """Whether a row costs so much that slow backends are spared most of the given rows."""
    notes: tuple[str, ...] = ()
    """How inputs and references were made, a sentence each, for the report."""
    left_out: tuple[str, ...] = ()
    """Questions that are not asked, a sentence each with the reason."""

    @property
    def precision(self) -> str:
        """The label with its usual value, as backends state the precisions in which they must hold."""
        return self.label or "fp32"

    def graph(self, name: str) -> Graph:
        """A graph by name."""
        return next(graph for graph in self.graphs if graph.name == name)

    def input_set(self, graph: str, name: str) -> InputSet:
        """An input set by graph (or chain) and name."""
        return next(each for each in self.input_sets if (each.graph, each.name) == (graph, name))

    @property
    def outputs(self) -> dict[str, tuple[str, ...]]:
        """Outputs that are compared, by graph, the chain last."""
        outputs = {graph.name: tuple(spec.name for spec in graph.outputs) for graph in self.graphs}
        asked = {each.graph for each in self.input_sets}
        return outputs | ({self.chain.name: self.chain.outputs} if self.chain and self.chain.name in asked else {})


@dataclass(frozen=True)
class SubjectOptions:
    """What the caller wants of a subject that is found by its path."""

    precision: str = ""
    """Which of the subject's precisions; empty for its first."""
    data: str | None = None
    """Name of a data set or folder to ask about beside the probes."""
    data_dir: str | None = None
    """Folder of the data set's original files."""
    trusted: bool = False
    """Whether the subject's author is trusted: its graphs may hold control flow and take any time and memory."""


SubjectFinder = Callable[[str, SubjectOptions], Subject | None]
"""What the entry point group `vaeport_parity.subjects` holds: the subject at a path or under a name, or None where the
path is none of its kind."""
