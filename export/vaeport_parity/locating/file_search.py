"""Whether a graph's file is wrong, and where: it is held against its reference on the very run that fell short."""

import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from onnx import ModelProto

from vaeport.errors import InputError

from ..asking.steps import Plan
from ..judging.report import Row
from ..reading.differences import describe, file_differences
from ..reference.evaluator import every_node, is_random
from ..reference.expected import Expected
from ..reference.onnx_graph import unoptimised_session
from ..subjects.subject import Graph, InputSet
from ..subjects.tensors import Arrays
from .bodies import inner_search
from .departure import Departure, Search
from .graph_run import GraphRun
from .telling import differences, told
from .tensors import difference
from .weights import unknown_entries
from .yardstick import LOOSEST, NATIVE, STRICTEST, Yardstick, relative, torch_yardstick, yardstick_of

_ROWS = 4
_SIZES = (16, 65, 101, 257)
_SHOWS = 0.5  # share of the bound by which a right file's float64 answers never differ from the reference's
_ROUNDED = 1e-2  # relative difference of weights that are the same but for their type
_OF_THE_ERROR = 0.01
_DEEPEST = 3
_MOST_TOLD = 2


@dataclass(frozen=True, eq=False)
class Fault:
    """What is wrong with a file."""

    text: str
    """In words; empty where nothing was found that differs from the reference's graph."""
    shared: bool = False
    """Whether a fresh export answers as wrongly: the fault came before the file."""


@dataclass(frozen=True, eq=False)
class _Batch:
    """Some rows of an input set."""

    given: InputSet
    start: int
    stop: int

    @property
    def inputs(self) -> Arrays:
        return self.given.rows(self.start, self.stop)


@dataclass(frozen=True, eq=False)
class _Shown:
    """A run on which the file's own answer is wrong."""

    row: Row
    inputs: Arrays
    right: Arrays
    run: GraphRun

    @property
    def error(self) -> float:
        given = self.run.values.get(self.row.output)
        return difference(given, self.right[self.row.output]) if isinstance(given, np.ndarray) else float("inf")

    @property
    def sameness(self) -> float:
        """Relative difference up to which tensors are the same: far below what the fault makes of the output."""
        if not self.run.exact:
            return NATIVE
        largest = float(np.max(np.abs(self.right[self.row.output]), initial=0.0)) or 1.0
        relative_error = self.error / largest if np.isfinite(self.error) else 1.0
        return min(max(_OF_THE_ERROR * relative_error, STRICTEST), LOOSEST)


@dataclass(eq=False)
class FileSearch:
    """Finds faults in the files of one subject; each file is searched once for all backends."""

    plan: Plan
    """The subject, and what the backends were asked."""
    limit: float
    """Seconds that one search may take."""
    _faults: dict[str, Fault] = field(default_factory=dict)
    _fresh: dict[str, ModelProto | None] = field(default_factory=dict)

    def fault(self, graph: Graph, failing: Sequence[Row]) -> Fault | None:
        """What is wrong with a graph's file; None where its answers are right on the runs that fell short.

        Args:
            graph: the graph.
            failing: rows of one backend for the graph that do not hold.
        """
        if graph.name not in self._faults:
            found = self._fault(graph, failing)
            if found is None:
                return None
            self._faults[graph.name] = found
        return self._faults[graph.name]

    def fresh(self, graph: str) -> ModelProto | None:
        """A graph as the exporter makes it now, or the graph that it was made from; None where it cannot be had."""
        if graph not in self._fresh:
            try:
                content = self.plan.subject.fresh(graph) if self.plan.subject.fresh else None
                self._fresh[graph] = onnx.load_model_from_string(content) if content else None
            except Exception:  # noqa: BLE001 - exporters raise errors of all kinds, and PyTorch's tensors stand without one
                self._fresh[graph] = None
        return self._fresh[graph]

    def _fault(self, graph: Graph, failing: Sequence[Row]) -> Fault | None:
        model = onnx.load_model_from_string(graph.content)
        until = time.monotonic() + self.limit
        random = [node for node in every_node(model) if is_random(node)]
        if random:
            return Fault(self._random(random))
        shown = self._shown(graph, model, failing)
        if shown is None:
            return None
        fresh = self.fresh(graph.name)
        where = self._where()
        yardstick = self._of_fresh(fresh, graph, shown, where) if fresh else None
        shared = fresh is not None and yardstick is None
        right = _counterpart(fresh, graph, shown.row.output) if fresh and yardstick else ""
        if yardstick is None:
            yardstick = self._of_torch(graph, shown)
        if yardstick is None:
            return Fault(self._by_names(model, fresh, where), shared)
        return Fault(self._text(shown, yardstick, until, right) or self._by_names(model, fresh, where), shared)

    def _random(self, random: Sequence[onnx.NodeProto]) -> str:
        more = f", and {len(random) - 1} more" if len(random) > 1 else ""
        return f"{describe(random[0])} draws random numbers, and is not in {self._where()}{more}"

    def _where(self) -> str:
        yardstick = self.plan.subject.yardstick
        return "the export" if yardstick == "PyTorch" else yardstick

    def _by_names(self, model: ModelProto, fresh: ModelProto | None, where: str) -> str:
        found = file_differences(model, fresh, where) if fresh else []
        more = f", and {len(found) - 1} more" if len(found) > 1 else ""
        return f"{found[0].text}{more}" if found else ""

    def _shown(self, graph: Graph, model: ModelProto, failing: Sequence[Row]) -> _Shown | None:
        """The smallest run that was tried on which the file itself answers wrongly: in float64, else natively."""
        if not graph.reference.has_noise and graph.reference.any_inputs:
            return None  # the file is its own reference
        session = _session(model)
        for row in failing:
            for batch in self._batches(graph, row, session):
                inputs = batch.inputs
                try:
                    right = self._expected(batch).float64
                except InputError:
                    continue
                shown = _Shown(row, inputs, right, GraphRun(model, inputs))
                if shown.error > _SHOWS * row.tolerance:
                    return shown
                if session is not None and self._differs(session, batch, row):
                    shown = _Shown(row, inputs, right, GraphRun(model, inputs, exact=False))
                    if shown.error > row.tolerance and not self._is_runtimes(batch, row):
                        return shown
        return None

    def _is_runtimes(self, batch: _Batch, row: Row) -> bool:
        """Whether a plain runtime answers as wrongly to the fresh export, so that the file is not to blame."""
        fresh = self.fresh(row.graph)
        session = _session(fresh) if fresh else None
        return session is None or self._differs(session, batch, row)

    def _expected(self, batch: _Batch) -> Expected:
        return self.plan.expectations.of(batch.given.graph, batch.given.name, batch.start, batch.stop)

    def _batches(self, graph: Graph, row: Row, session: Any) -> Iterator[_Batch]:
        """Batches on which the file may be wrong, few rows first: those with the largest error, then their batch."""
        name, start, stop = row.step
        given = self.plan.subject.input_set(graph.name, name or row.worst[0] or "probes")
        if stop == start:
            start, stop = 0, len(given)
        if not given.batched or not graph.reference.any_inputs:
            yield _Batch(given, 0, len(given))
            return
        worst = row.worst[1] if row.worst[0] == given.name and start <= row.worst[1] < stop else start
        first = max(start, min(worst, stop - _ROWS))
        few = _Batch(given, first, min(first + _ROWS, stop))
        yield few
        sizes = sorted({worst - start + 1, *(size for size in _SIZES if worst - start < size)})
        for last in dict.fromkeys([*(start + size for size in sizes if start + size < stop), stop]):
            batch = _Batch(given, start, last)
            if (start, last) != (few.start, few.stop) and (session is None or self._differs(session, batch, row)):
                yield batch

    def _differs(self, session: Any, batch: _Batch, row: Row) -> bool:
        """Whether a plain runtime's answer is wrong on a batch."""
        names = [info.name for info in session.get_inputs()]
        inputs = batch.inputs
        given = inputs if set(names) == set(inputs) else dict(zip(names, inputs.values(), strict=True))
        place = [spec.name for spec in self.plan.subject.graph(row.graph).outputs].index(row.output)
        try:
            answer = session.run(None, given)[place]
        except Exception:  # noqa: BLE001 - onnxruntime's own errors share no base, and no answer is a wrong one
            return True
        return difference(np.asarray(answer), self._expected(batch).native[row.output]) > row.tolerance

    def _of_fresh(self, fresh: ModelProto, graph: Graph, shown: _Shown, where: str) -> Yardstick | None:
        """The fresh export's tensors; None where its own answer is as wrong."""
        names = [info.name for info in fresh.graph.input if info.name not in _weights(fresh)]
        given = dict(zip(names, (shown.inputs[spec.name] for spec in graph.inputs), strict=False))
        if set(names) <= set(shown.inputs):
            given = {name: shown.inputs[name] for name in names}
        run = GraphRun(fresh, given, exact=shown.run.exact)
        output = _counterpart(fresh, graph, shown.row.output)
        answer = run.values.get(output)
        right = shown.right[shown.row.output]
        if not isinstance(answer, np.ndarray) or difference(answer, right) > shown.row.tolerance:
            return None
        return yardstick_of(run, where, tolerance=shown.sameness)

    def _of_torch(self, graph: Graph, shown: _Shown) -> Yardstick | None:
        """What PyTorch computes on the way; None where the reference is none of PyTorch's."""
        if "torch" not in sys.modules or not graph.reference.any_inputs:
            return None
        try:
            found = torch_yardstick(
                lambda: graph.reference.answers(shown.inputs, "float64"), shown.inputs, tolerance=shown.sameness
            )
        except Exception:  # noqa: BLE001 - a stranger's module raises errors of all kinds
            return None
        return found if found.made else None

    def _text(self, shown: _Shown, yardstick: Yardstick, until: float, name: str) -> str:
        if text := _of_other_weights(shown.run, yardstick):
            return text
        right = shown.right[shown.row.output]
        search = Search(shown.run, yardstick, shown.row.output, right, shown.row.tolerance, until, name)
        found = search.departures()
        texts = _each_once(_whole_text(departure, search, shown.error, until) for departure in found)
        more = f"; and {len(texts) - _MOST_TOLD} more" if len(texts) > _MOST_TOLD else ""
        return "; also ".join(texts[:_MOST_TOLD]) + more


def _each_once(texts: Iterable[str]) -> list[str]:
    """Texts without those that are about the same node of a function as an earlier one."""
    by_node: dict[str, str] = {}
    for text in texts:
        node, function, _ = text.partition(" in function ")
        by_node.setdefault(node if function else text, text)
    return list(by_node.values())


def _whole_text(departure: Departure, search: Search, error: float, until: float) -> str:
    """A departure in words, inside the function or subgraph where it is."""
    before, place = "", ""
    for _ in range(_DEEPEST):
        node = search.run.makers[departure.tensor]
        inner = None if differences(departure, search) else inner_search(departure, search, until)
        found = inner.search.departures() if inner is not None else []
        if inner is None or not found:
            break
        if inner.is_function:
            place = f" {inner.where}{place}"
        else:
            before, place = f"{before}{describe(node)}{place}, {inner.where}: ", ""
        departure, search, error = found[0], inner.search, inner.error
    return told(departure, search, error=error, before=before, place=place)


def _of_other_weights(run: GraphRun, yardstick: Yardstick) -> str:
    """A sentence where no weight of the file is the reference's, though it has weights of the same shapes."""
    mine, theirs = (
        [values for values in each.weights.values() if values.dtype.kind == "f" and values.size > 1]
        for each in (run, yardstick)
    )
    if len(mine) < _MOST_TOLD or sorted(map(np.shape, mine)) != sorted(map(np.shape, theirs)):
        return ""
    for values in mine:
        if any(unknown_entries(values, other) < values.size / 2 for other in theirs if other.size == values.size):
            return ""
        if any(relative(values, other) < _ROUNDED for other in theirs if other.shape == values.shape):
            return ""
    return f"all {len(mine)} weights differ from those of {yardstick.where}: it is of other weights"


def _session(model: ModelProto) -> Any:
    """The graph in a plain runtime; None where it does not load."""
    try:
        return unoptimised_session(model.SerializeToString(), "the graph")
    except InputError:
        return None


def _weights(model: ModelProto) -> set[str]:
    return {tensor.name for tensor in model.graph.initializer}


def _counterpart(fresh: ModelProto, graph: Graph, output: str) -> str:
    """The reference graph's name for an output: the same, or that at its place."""
    names = [info.name for info in fresh.graph.output]
    if output in names:
        return output
    place = [spec.name for spec in graph.outputs].index(output)
    return names[place] if place < len(names) else ""
