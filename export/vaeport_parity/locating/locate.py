"""Where answers first go wrong: in the capture, in the file, or on a backend, and there at which node."""

import sys
from dataclasses import dataclass, field

import numpy as np
import onnx

from vaeport.errors import InputError

from ..asking.steps import Plan
from ..judging.report import Row
from ..reading.differences import Difference, are_alike, file_differences
from ..reporting.sentences import listed, row_sentence
from ..running.process import PAST_TIME_LIMIT
from ..subjects.subject import Graph
from ..subjects.tensors import Arrays
from .ladder import CAPTURE, ORIGINALS, STANDARD, Compare, Ladder
from .matching import Values, first_unmatched, onnx_tensors, torch_tensors
from .node_search import NodeSearch, RunPart
from .tensors import difference, exact_values

_ROWS = 7
_MOST_NAMED = 3


@dataclass(frozen=True)
class Place:
    """Where something goes wrong."""

    rung: str = ""
    """The first backend on the way from the reference whose answers fall short."""
    text: str = ""
    """File, graph and node, in words."""


@dataclass(eq=False)
class Locator:
    """Finds places for one subject; what it learns of a file serves all backends."""

    ladder: Ladder
    """The rungs on the way to every backend."""
    nodes: NodeSearch
    """Finds the node that a backend computes wrongly."""
    _differences: dict[str, str] = field(default_factory=dict)
    _places: dict[str, Place] = field(default_factory=dict)

    def place(self, backend: str) -> Place:
        """The first place where a backend's answers go wrong; an empty one if all its rows hold.

        The way is followed from the reference on: the captured program, the file as the standard's own evaluator reads
        it, onnxruntime without and with optimisation, the backend. In the graph, the node is found by bisection over
        the graph cut off behind it; in a wrong file, by comparing it with another one or with what the reference
        computes on the way.

        Args:
            backend: a backend whose rows the ladder has.
        """
        if backend not in self._places:
            self._places[backend] = self._place(backend)
        return self._places[backend]

    def _place(self, backend: str) -> Place:
        subject = self.ladder.plan.subject
        for graph in subject.graphs:
            failing = [row for row in self.ladder.of(backend, graph.name) if not row.holds]
            if failing:
                return self._place_in(backend, graph, failing)
        for row in self.ladder.of(backend, subject.chain.name) if subject.chain else ():
            if not row.holds:
                return Place(backend, f"the chain, each graph holds alone: {row.shares or row.failed}")
        return Place()

    def _place_in(self, backend: str, graph: Graph, failing: list[Row]) -> Place:
        if PAST_TIME_LIMIT in failing[0].failed:
            return Place(backend, f"{graph.name}: {row_sentence(failing[0])}")
        rung, held = self.ladder.first_short(backend, graph.name)
        hold = f"{listed(held)} hold{'s' * (len(held) == 1)}" if held else ""
        if rung in (*ORIGINALS, CAPTURE):
            return Place(rung, f"{rung}: {self._said(rung, graph.name)}")
        if rung == STANDARD or (STANDARD not in held and self._is_wrong(graph, failing)):
            text = self._difference(graph, self._short(rung, graph.name))
            return Place(rung, f"{graph.file}: {text}" + (f"; {hold}" if hold else ""))
        if self._only_divided(failing[0]):
            return Place(rung, f"preprocessing of {graph.name}: float inputs hold, raw pixels do not")
        text = f"{graph.name}, {self.nodes.first_node(failing)}"
        if self._is_quantised(graph.name):
            text = self._said(backend, graph.name)
        if rung != backend:
            return Place(rung, f"{text}; {rung} already falls short: {self.place(rung).text}")
        return Place(rung, f"{text}; the file is right: {hold}" if hold else text)

    def _is_quantised(self, graph: str) -> bool:
        try:
            return self.nodes.graph(graph).is_quantised
        except Exception:  # noqa: BLE001 - onnx cannot take it apart, which the search for the node says
            return False

    def _said(self, rung: str, graph: str) -> str:
        short = self._short(rung, graph)
        return f"{graph}/{short.output} {row_sentence(short)}"

    def _short(self, rung: str, graph: str) -> Row:
        return next(row for row in self.ladder.of(rung, graph) if not row.holds)

    def _is_wrong(self, graph: Graph, failing: list[Row]) -> bool:
        """Whether the file itself gives other answers in float64 than the reference, where no rung tells that."""
        row = failing[0]
        if row.failed or self._is_quantised(graph.name):
            return False
        inputs = self._hardest(graph, row)
        try:
            given = exact_values(onnx.load_model_from_string(graph.content), inputs)[row.output]
            return difference(given, graph.reference.answers(inputs, "float64")[row.output]) > row.tolerance
        except InputError:
            return False

    def _hardest(self, graph: Graph, row: Row) -> Arrays:
        """A few rows, with the worst among them."""
        name, worst = row.worst
        given = self.ladder.plan.subject.input_set(graph.name, name or "probes")
        first = max(0, min(worst, len(given) - _ROWS))
        return given.rows(first, first + _ROWS)

    def _difference(self, graph: Graph, row: Row) -> str:
        """What is wrong with a graph's file, in which not even a plain runtime finds the reference's answers."""
        if graph.name not in self._differences:
            self._differences[graph.name] = self._file_difference(graph, row)
        return self._differences[graph.name]

    def _file_difference(self, graph: Graph, row: Row) -> str:
        subject = self.ladder.plan.subject
        said = f"{row.backend}'s {graph.name}/{row.output} {row_sentence(row)}"
        model = onnx.load_model_from_string(graph.content)
        where = "the export" if graph.original else subject.yardstick
        fresh = onnx.load_model_from_string(subject.fresh(graph.name)) if subject.fresh else None
        differences = file_differences(model, fresh, where) if fresh else []
        alike = fresh is not None and are_alike(model, fresh)
        if differences and alike and len(differences) <= 1:
            return differences[0].text
        node = self._unmatched(graph, row, model, fresh)
        if differences and alike:
            return _chosen(differences, node[0] if node else "")
        if node:
            return f"{node[1]}; {said}"
        if fresh and alike:
            return f"it is the same as {where}, and yet {said}"
        return said

    def _unmatched(
        self, graph: Graph, row: Row, model: onnx.ModelProto, fresh: onnx.ModelProto | None
    ) -> tuple[str, str] | None:
        """Name of the first node whose output the reference has nowhere, and the same in words."""
        inputs = self._hardest(graph, row)
        try:
            tensors = self.nodes.graph(graph.name)
            exact = graph.reference.answers(inputs, "float64")[row.output]
            largest = float(np.max(np.abs(exact), initial=0.0)) if exact.dtype.kind == "f" else 0.0
            relative = row.figures.max_abs / largest if largest else 1.0
            values = self._reference_tensors(graph, inputs, fresh)
            tensor = first_unmatched(tensors, model, inputs, row.output, values, relative) if values else None
        except Exception:  # noqa: BLE001 - references and onnx raise errors of all kinds, and the figures stand without a node
            return None
        if tensor is None:
            return None
        node = tensors.makers[tensor]
        key = node.name or next(value.name for value in node.outputs if value.name) or ""
        yardstick = self.ladder.plan.subject.yardstick
        made = [name for name in tensors.reads[tensor] if name in tensors.makers and name in tensors.varying]
        of = "; ".join(f"{name!r} of {tensors.describe(name)}" for name in made[:_MOST_NAMED])
        words = f"{tensors.describe(tensor)}: its output {tensor!r} is the first that {yardstick} never computes"
        return key, f"{words} (made of {of})" if of else words

    def _reference_tensors(self, graph: Graph, inputs: Arrays, fresh: onnx.ModelProto | None) -> Values:
        """Everything that the reference computes on the way to its answers, in float64."""
        if "torch" in sys.modules:
            recorded = torch_tensors(lambda: graph.reference.answers(inputs, "float64"))
            if recorded:
                return recorded
        if fresh is None:
            return []
        try:
            return onnx_tensors(fresh, inputs)
        except InputError:
            return []

    def _only_divided(self, row: Row) -> bool:
        """Whether only those inputs lead astray that the backend's side divides itself."""
        wrong = {name for name, error in row.by_set.items() if error > row.tolerance}
        sets = [self.ladder.plan.subject.input_set(row.graph, name) for name in wrong]
        return bool(sets) and all(one.divisors for one in sets)


def make_locator(
    plan: Plan, rows: dict[str, tuple[Row, ...]], *, compare: Compare, run_part: RunPart, limit: float
) -> Locator:
    """A locator for everything that was compared.

    Args:
        plan: the subject, and what the backends were asked.
        rows: rows of every backend that was compared; empty for one that is missing.
        compare: runs a backend that is not among them over fewer steps, and measures it.
        run_part: runs a part of a graph on a backend.
        limit: seconds that the search for one node may take.
    """
    return Locator(Ladder(plan, compare, rows), NodeSearch(plan, run_part, limit))


def _chosen(differences: list[Difference], node: str) -> str:
    """The difference that is about the whole graph or about a node, else the first; and how many more there are."""
    whole = not differences[0].node
    chosen = differences[0] if whole else next((one for one in differences if one.node == node), differences[0])
    return f"{chosen.text}, and {len(differences) - 1} more" if len(differences) > 1 else chosen.text
