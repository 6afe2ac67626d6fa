"""Where answers first go wrong: in the capture, in the file, or on a backend, and there at which node."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from vaeport.errors import VaeportError

from ..asking.steps import Plan
from ..judging.report import Finding, Row
from ..reporting.sentences import listed, row_sentence
from ..running.process import PAST_TIME_LIMIT
from ..subjects.subject import Blame, Graph
from .file_search import Fault, FileSearch
from .ladder import CAPTURE, ORIGINALS, STANDARD, Compare, Ladder
from .node_search import NodeSearch, RunPart


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
    files: FileSearch
    """Finds what is wrong with a file."""
    accused: Mapping[str, str]
    """By path of a graph's file what is wrong with it as a file, where something is."""
    _blames: dict[str, Blame | None] = field(default_factory=dict)
    _others: dict[str, str] = field(default_factory=dict)
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
        if (blame := self._blame(graph)) is not None:
            return Place(STANDARD, blame)
        if not graph.reference.has_noise and (text := self._otherwise(graph)):
            return Place(STANDARD, f"{graph.file}: {text}")
        fault = self._fault(graph, failing)
        if fault is not None and not fault.shared and fault.text:
            return Place(STANDARD, f"{graph.file}: {fault.text}")
        if graph.file in self.accused:
            return Place(STANDARD, f"{graph.file}: {self.accused[graph.file]}")
        rung, held = self.ladder.first_short(backend, graph.name)
        hold = f"{listed(held)} hold{'s' * (len(held) == 1)}" if held else ""
        if rung in (*ORIGINALS, CAPTURE):
            return Place(rung, f"{rung}: {self._said(rung, graph.name)}")
        if rung == STANDARD or fault is not None:
            text = f"it answers as {self._export} does, and yet {self._said(rung, graph.name)}"
            return Place(rung, f"{graph.file}: {text}" + (f"; {hold}" if hold else ""))
        if self._only_divided(failing[0]):
            return Place(rung, f"preprocessing of {graph.name}: float inputs hold, raw pixels do not")
        text = f"{graph.name}, {self.nodes.first_node(failing)}"
        if self._is_quantised(graph.name):
            text = self._said(backend, graph.name)
        if rung != backend:
            return Place(rung, f"{text}; {rung} already falls short: {self.place(rung).text}")
        return Place(rung, f"{text}; the file is right: {hold}" if hold else text)

    @property
    def _export(self) -> str:
        subject = self.ladder.plan.subject
        return "the export" if all(graph.original for graph in subject.graphs) else subject.yardstick

    def _blame(self, graph: Graph) -> str | None:
        """What the subject says of the file that contradicts all others, where it is not the graph's own."""
        subject = self.ladder.plan.subject
        if graph.name not in self._blames:
            try:
                self._blames[graph.name] = subject.blame(graph.name) if subject.blame else None
            except VaeportError:
                self._blames[graph.name] = None
        blame = self._blames[graph.name]
        return f"{blame.file}: {blame.text}" if blame is not None and blame.file != graph.file else None

    def _fault(self, graph: Graph, failing: list[Row]) -> Fault | None:
        try:
            return self.files.fault(graph, failing)
        except Exception:  # noqa: BLE001 - onnx's helpers raise errors of all kinds, and the rungs stand without a fault
            return None

    def _otherwise(self, graph: Graph) -> str:
        """Where a graph that is its own reference is not what a fresh conversion is."""
        if graph.name not in self._others:
            try:
                self._others[graph.name] = self.files.against_fresh(graph)
            except Exception:  # noqa: BLE001 - onnx's helpers raise errors of all kinds, and the rungs stand without
                self._others[graph.name] = ""
        return self._others[graph.name]

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

    def _only_divided(self, row: Row) -> bool:
        """Whether only those inputs lead astray that the backend's side divides itself."""
        wrong = {name for name, error in row.by_set.items() if error > row.tolerance}
        sets = [self.ladder.plan.subject.input_set(row.graph, name) for name in wrong]
        return bool(sets) and all(one.divisors for one in sets)


def make_locator(
    plan: Plan,
    rows: dict[str, tuple[Row, ...]],
    *,
    compare: Compare,
    run_part: RunPart,
    limit: float,
    accused: Mapping[str, str],
) -> Locator:
    """A locator for everything that was compared.

    Args:
        plan: the subject, and what the backends were asked.
        rows: rows of every backend that was compared; empty for one that is missing.
        compare: runs a backend that is not among them over fewer steps, and measures it.
        run_part: runs a part of a graph on a backend.
        limit: seconds that the search for one node may take.
        accused: by path of a file what is wrong with it as a file.
    """
    ladder = Ladder(plan, compare, rows)
    return Locator(ladder, NodeSearch(plan, run_part, limit), FileSearch(plan, limit), accused)


def departures_from_fresh(plan: Plan, limit: float) -> list[Finding]:
    """Nodes of graphs that are their own reference, as in lower precisions, that a fresh conversion has otherwise.

    Args:
        plan: the subject; nothing is found where it cannot make its graphs anew.
        limit: seconds that the search in one graph may take.
    """
    files = FileSearch(plan, limit)
    found = []
    for graph in plan.subject.graphs:
        if graph.reference.has_noise:
            continue  # its backends tell
        try:
            text = files.against_fresh(graph)
        except Exception:  # noqa: BLE001 - onnx's helpers raise errors of all kinds, and the other findings stand
            text = ""
        if text:
            found.append(Finding(graph.file, text))
    return found
