"""Which of a bundle's files stands alone: a vote of all that speak of a graph, on the golden rows."""

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaeport.bundle.golden import Golden
from vaeport.bundle.opening import Bundle
from vaeport.checks.comparison import max_abs_error
from vaeport.contract import CHECKPOINT_FOLDER, FP32, GOLDEN_FILE, GRAPHS, WEIGHTS_FILE
from vaeport.errors import VaeportError
from vaeport_parity.reference.base import Reference, chunked_answers
from vaeport_parity.reference.onnx_graph import RuntimeReference
from vaeport_parity.reference.torch_module import TorchReference
from vaeport_parity.subjects.subject import Blame, Graph
from vaeport_parity.subjects.tensors import Arrays
from vaeport_train.running.checkpoint import CONFIG_FILE
from vaeport_train.running.trained import sealed_checkpoint

from ..modules.vae import graph_modules
from ..precisions import convert_like
from .original import Original
from .standard_case import standard_cases

_ROUNDINGS = 16.0  # noise floors of a few rows within which two witnesses agree


@dataclass(frozen=True, eq=False)
class Witness:
    """One thing in a bundle that says what a graph answers."""

    name: str
    """In words."""
    files: frozenset[str]
    """The files that it stands on; whichever of them is wrong makes it wrong."""
    answers: tuple[Arrays, ...]
    """Its answers to the first golden rows, one for each type; no answers where it only agrees or contradicts."""


@dataclass(eq=False)
class Witnesses:
    """Everything in a bundle that speaks of its graphs in one precision."""

    bundle: Bundle
    original: Original
    golden: Golden
    graphs: Mapping[str, Graph]
    precision: str
    _blames: dict[str, Blame | None] = field(default_factory=dict)

    def blame(self, graph: str) -> Blame | None:
        """The one file that contradicts all others; None where none stands alone.

        For float32 these are the network as vaeport-train rebuilds it, the captured program, the graph, the golden
        answers, the test case and whether lower precisions are conversions of the graph. Below float32 they are the
        graph, its golden answers, its test case, and the float32 graph converted anew.

        Args:
            graph: name of the graph.
        """
        if graph not in self._blames:
            try:
                self._blames[graph] = self._blame(graph)
            except VaeportError:
                self._blames[graph] = None  # a witness that cannot be heard is reported where it is needed
        return self._blames[graph]

    def _blame(self, graph: str) -> Blame | None:
        witnesses = list(self._full(graph) if self.precision == FP32 else self._lower(graph))
        allowed = self._allowed(graph)
        apart = {
            frozenset((one.name, other.name)): distance
            for one, other in itertools.combinations(witnesses, 2)
            if (distance := _distance(one, other, allowed)) is not None
        }
        if self.precision == FP32:
            apart |= dict.fromkeys(self._contradictions(graph, witnesses), "")
        if not apart:
            return None
        alone = []
        for file in sorted({file for witness in witnesses for file in witness.files} - self._cleared(graph)):
            mine = {witness.name for witness in witnesses if file in witness.files}
            others = [witness for witness in witnesses if witness.name not in mine]
            if (
                len(others) > 1
                and all(len(pair & mine) == 1 for pair in apart)
                and all(any(name in pair for pair in apart) for name in mine)
            ):
                alone.append((file, others, next((text for text in apart.values() if text), "")))
        if len(alone) != 1:
            return None
        ((file, others, text),) = alone
        agreed = ", ".join(witness.name for witness in others)
        return Blame(file, f"it contradicts all others: {text}; {agreed} agree with each other")

    def _cleared(self, graph: str) -> set[str]:
        """Below float32 the float32 file, if it answers as the original: the other answers may be a changed graph's."""
        if self.precision == FP32:
            return set()
        file = GRAPHS[graph].file(FP32)
        inputs: Arrays = dict(self.golden.inputs(graph))
        given = chunked_answers(RuntimeReference(self.bundle.read(file), GRAPHS[graph].outputs), inputs, "native")
        right = chunked_answers(self.original.reference(graph), inputs, "native")
        bounds = self.bundle.manifest.tolerances[FP32][graph]
        return {file} if all(_error(given[name], right[name]) <= bounds[name].max_abs for name in bounds) else set()

    def _full(self, graph: str) -> Iterator[Witness]:
        inputs: Arrays = dict(self.golden.inputs(graph))
        weights = f"{CHECKPOINT_FOLDER}/{WEIGHTS_FILE}"
        spec = GRAPHS[graph]
        config = f"{CHECKPOINT_FOLDER}/{CONFIG_FILE}"
        if graph in self.original.programs and config in self.bundle.manifest.files:
            network = self._network(graph)
            if network is not None:
                files = frozenset({config, weights})
                yield Witness("the network rebuilt", files, (chunked_answers(network, inputs, "native"),))
        answers = chunked_answers(self.original.reference(graph), inputs, "native")
        if graph in self.original.programs:
            files = frozenset({f"{CHECKPOINT_FOLDER}/{spec.program_file}", weights})
            yield Witness("the captured program", files, (answers,))
        else:
            yield Witness("the original", frozenset({f"{CHECKPOINT_FOLDER}/{spec.original_file}"}), (answers,))
        yield from self._recorded(graph, inputs, "the graph")

    def _lower(self, graph: str) -> Iterator[Witness]:
        inputs: Arrays = dict(self.golden.inputs(graph))
        yield from self._recorded(graph, inputs, f"the {self.precision} graph")
        full = self.bundle.read(GRAPHS[graph].file(FP32))
        made = RuntimeReference(converted(full, self.precision, self.graphs[graph].content), GRAPHS[graph].outputs)
        answers = chunked_answers(made, inputs, "native")
        yield Witness("the fp32 graph converted", frozenset({GRAPHS[graph].file(FP32)}), (answers,))

    def _recorded(self, graph: str, inputs: Arrays, name: str) -> Iterator[Witness]:
        """The graph itself, and what is recorded of it."""
        given = self.graphs[graph]
        answers = chunked_answers(RuntimeReference(given.content, GRAPHS[graph].outputs), inputs, "native")
        yield Witness(name, frozenset({given.file}), (answers,))
        golden = tuple(dict(each) for each in self.golden.references(graph, self.precision))
        yield Witness("the golden answers", frozenset({GOLDEN_FILE}), golden)
        for case in standard_cases(self.bundle, self.precision, graph):
            if all(key in case.inputs and _begins(inputs[key], case.inputs[key]) for key in inputs):
                yield Witness("the test case", frozenset({case.folder}), (case.outputs,))

    def _network(self, graph: str) -> Reference | None:
        spec = GRAPHS[graph]
        try:
            module = graph_modules(sealed_checkpoint(self.bundle).network)[graph]
        except VaeportError:
            return None
        return TorchReference(module, spec.inputs, spec.outputs)

    def _contradictions(self, graph: str, witnesses: list[Witness]) -> Iterator[frozenset[str]]:
        """Pairs that contradict each other in what no answer of theirs shows.

        Whoever changes a graph and records its answers anew makes all of them agree against the checkpoint; lower
        precisions that are no conversions of the graph any more, and answers in float64 that were never computed in
        float64, give that away.
        """
        for precision in self.bundle.manifest.precisions[1:]:
            made = self.bundle.read(GRAPHS[graph].file(precision))
            if converted(self.graphs[graph].content, precision, made) != made:
                yield frozenset({"the graph", f"the {precision} graph"})
        if any(witness.name == "the golden answers" for witness in witnesses) and not self._is_genuine(graph):
            yield frozenset({"the graph", "the golden answers"})

    def _is_genuine(self, graph: str) -> bool:
        """Whether the recorded float64 answers were computed in float64, and are not widened float32 ones."""
        recorded = self.golden.answers[graph]["float64"]
        return any(bool(np.any(values != values.astype(np.float32))) for values in recorded.values())

    def _allowed(self, graph: str) -> dict[str, float]:
        """How far two witnesses may be apart, by output: rounding on the golden rows."""
        bounds = self.bundle.manifest.tolerances[self.precision][graph]
        if self.precision != FP32:
            return {name: bound.noise_floor for name, bound in bounds.items()}
        inputs: Arrays = dict(self.golden.inputs(graph))
        reference = self.original.reference(graph)
        native, exact = (chunked_answers(reference, inputs, kind) for kind in ("native", "float64"))
        step = float(np.finfo(np.float32).eps)
        return {
            name: _ROUNDINGS * max(max_abs_error(native[name], exact[name]), step * _scale(exact[name]))
            for name in bounds
        }


def converted(full: bytes, precision: str, made: bytes) -> bytes:
    """A float32 graph in a lower precision as `convert_like` makes it; nothing where the converter fails on it."""
    try:
        return convert_like(full, precision, made)
    except Exception:  # noqa: BLE001 - converters raise errors of all kinds on a stranger's graph
        return b""


def _distance(one: Witness, other: Witness, allowed: Mapping[str, float]) -> str | None:
    """How two witnesses contradict each other, in words; None where they agree on the rows that both have."""
    for mine, theirs in itertools.product(one.answers, other.answers):
        for name in allowed:
            if name not in mine or name not in theirs:
                return f"{name} is missing"
            rows = min(len(mine[name]), len(theirs[name]))
            error = _error(mine[name][:rows], theirs[name][:rows])
            if not error <= allowed[name]:
                return f"{name} is off by {error:.2g}, rounding explains {allowed[name]:.2g}"
    return None


def _begins(values: NDArray[Any], first: NDArray[Any]) -> bool:
    """Whether the second are the first rows of the first."""
    return np.array_equal(values[: len(first)], first) if first.ndim else False


def _error(given: NDArray[Any], wanted: NDArray[Any]) -> float:
    return max_abs_error(given, wanted) if given.shape == wanted.shape else math.inf


def _scale(values: NDArray[Any]) -> float:
    return float(np.max(np.abs(values), initial=0.0))
