"""Where answers first go wrong: in the capture, in the file, or on a backend, and there at which node."""

from dataclasses import dataclass, field

import onnx

from vaeport.contract import FP32, GRAPHS

from ..asking.steps import CHAIN
from ..reporting.report import Row
from ..reporting.sentences import listed, row_sentence
from ..running.process import PAST_TIME_LIMIT
from .file_differences import file_differences, fresh_export
from .ladder import CAPTURE, ORIGINALS, STANDARD, Ladder
from .node_search import NodeSearch

_IN_FLOATS = (FP32, "fp16")  # a graph with integers in it jumps, and cannot be computed in float64


@dataclass(frozen=True)
class Place:
    """Where something goes wrong."""

    rung: str = ""
    """The first backend on the way from PyTorch whose answers fall short."""
    text: str = ""
    """File, graph and node, in words."""


@dataclass(eq=False)
class Locator:
    """Finds places for one bundle; what it learns of the file serves all backends."""

    ladder: Ladder
    """The rungs on the way to every backend."""
    nodes: NodeSearch
    """Finds the node."""
    _differences: dict[str, str] = field(default_factory=dict)
    _places: dict[str, Place] = field(default_factory=dict)

    def place(self, backend: str) -> Place:
        """The first place where a backend's answers go wrong; an empty one if all its rows hold.

        The way is followed from PyTorch on: the captured program, the file as the standard's own evaluator reads it,
        onnxruntime without and with optimisation, the backend. In the graph, the node is found by bisection over the
        graph cut off behind it.

        Args:
            backend: a backend whose rows the ladder has.
        """
        if backend not in self._places:
            self._places[backend] = self._place(backend)
        return self._places[backend]

    def _place(self, backend: str) -> Place:
        subject = self.ladder.subject
        for graph in GRAPHS:
            failing = [row for row in self.ladder.of(backend, graph) if not row.holds]
            if not failing:
                continue
            if PAST_TIME_LIMIT in failing[0].failed:
                return Place(backend, f"{graph}: {row_sentence(failing[0])}")
            rung, held = self.ladder.first_short(backend, graph)
            hold = f"{listed(held)} hold{'s' * (len(held) == 1)}" if held else ""
            if rung in (*ORIGINALS, CAPTURE):
                return Place(rung, f"{rung}: {self._said(rung, graph)}")
            if rung == STANDARD:
                return Place(rung, f"{subject.file(graph)}: {self._difference(graph)}" + (f"; {hold}" if hold else ""))
            if _only_pixels(failing[0]):
                return Place(rung, f"preprocessing of {graph}: float images hold, raw pixels do not")
            text = (
                f"{graph}, {self.nodes.first_node(failing)}"
                if subject.precision in _IN_FLOATS
                else self._said(backend, graph)
            )
            if rung != backend:
                return Place(rung, f"{text}; {rung} already falls short: {self.place(rung).text}")
            return Place(rung, f"{text}; the file is right: {hold}" if hold else text)
        for row in self.ladder.of(backend, CHAIN):
            if not row.holds:
                return Place(backend, f"the chain, each graph holds alone: {row.shares or row.failed}")
        return Place()

    def _said(self, rung: str, graph: str) -> str:
        short = next(row for row in self.ladder.of(rung, graph) if not row.holds)
        return f"{graph}/{short.output} {row_sentence(short)}"

    def _difference(self, graph: str) -> str:
        """What is wrong with a graph's file in which the standard's evaluator does not find PyTorch's answers."""
        if graph not in self._differences:
            subject = self.ladder.subject
            if subject.precision != FP32:
                return f"{STANDARD}'s {self._said(STANDARD, graph)}"
            model = onnx.load_model_from_string(subject.onnx(graph))
            differences = file_differences(model, fresh_export(subject, graph))
            more = f", and {len(differences) - 1} more" if len(differences) > 1 else ""
            self._differences[graph] = (
                differences[0] + more
                if differences
                else f"the exporter makes it so of the checkpoint, and yet {STANDARD}'s {self._said(STANDARD, graph)}"
            )
        return self._differences[graph]


def _only_pixels(row: Row) -> bool:
    return {name for name, error in row.by_set.items() if error > row.tolerance} == {"pixels"}
