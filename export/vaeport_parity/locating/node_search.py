"""Which node of a graph a backend computes wrongly: bisection over the graph cut off behind its nodes."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import ModelProto

from vaeport.errors import InputError

from ..asking.steps import Plan
from ..judging.report import Row
from ..reporting.sentences import listed
from ..subjects.subject import InputSet
from ..subjects.tensors import Arrays
from .bisection import FirstBad, first_bad
from .tensors import ExactGraph, TensorGraph, exact_values

_ROWS = 7
_ROWS_WITHOUT_ANSWER = 257  # some backends fail on large batches only
_MOST_NAMED = 3


class RunPart(Protocol):
    """Runs a part of a graph on a backend."""

    def __call__(
        self, backend: str, graph: str, model: ModelProto, inputs: Arrays, *, limit: float
    ) -> tuple[Arrays | None, str]:
        """One run of an ONNX graph.

        Args:
            backend: name of the backend.
            graph: name of the graph that the part is of.
            model: the part, with types and ranks of its inputs and outputs.
            inputs: one batch, by input name.
            limit: seconds that it may take.

        Returns:
            Answers by output name, or None with what the backend said.
        """


@dataclass(eq=False)
class NodeSearch:
    """Finds nodes; what it learns of a graph serves all backends."""

    plan: Plan
    """The subject, and what the backends were asked."""
    run_part: RunPart
    """Runs parts of graphs on backends."""
    limit: float
    """Seconds that one search may take."""
    _graphs: dict[str, TensorGraph] = field(default_factory=dict)

    def graph(self, name: str) -> TensorGraph:
        """A graph of the subject, taken apart.

        Raises:
            ValueError, RuntimeError: onnx cannot take it apart.
        """
        if name not in self._graphs:
            self._graphs[name] = TensorGraph(onnx.load_model_from_string(self.plan.subject.graph(name).content))
        return self._graphs[name]

    def first_node(self, failing: Sequence[Row]) -> str:
        """The first node that a backend computes wrongly in a file that is right, or why none was found, in words.

        Args:
            failing: rows of one backend for one graph that do not hold.
        """
        until = time.monotonic() + self.limit
        try:
            graph = self.graph(failing[0].graph)
            for row in failing:
                search = self._first_silent if row.failed else self._first_wrong
                if text := search(row, graph, until):
                    return text
        except TimeoutError:
            return f"no node found within {self.limit:g} s"
        except InputError as error:
            return f"no node found: {error}"
        except Exception as error:  # noqa: BLE001 - onnx's helpers raise errors of all kinds, and the figures stand without a node
            return f"no node found, since onnx cannot take the graph apart: {' '.join(str(error).split())[:200]}"
        return f"no single node: cut off at {listed([row.output for row in failing])}, a small batch holds"

    def _first_silent(self, row: Row, graph: TensorGraph, until: float) -> str:
        """For a graph that gets no answer: the first node behind which it gets none when it is cut off there."""
        said: dict[str, str] = {}
        values = self._few_values(row)
        for inputs in self._sizes(row):

            def silent(tensor: str, inputs: Arrays = inputs) -> bool | None:
                if tensor not in graph.depending:
                    return None
                try:
                    part = graph.part(tensor, like=values.get(tensor))
                except ValueError:
                    return None
                answer, said[tensor] = self._answer(row, part, inputs, until)
                return answer is None

            first = first_bad(graph, row.output, silent)
            if first is None:
                said.clear()
                continue
            node = graph.describe(first.tensor)
            if all(said.values()):
                return f"no part of it that was tried gets an answer, not even {node}: {said[first.tensor]}"
            return f"{node} gives no answer: {said[first.tensor]}{_unsure(first, graph)}"
        return ""

    def _first_wrong(self, row: Row, graph: TensorGraph, until: float) -> str:
        """The first node whose error alone, carried through the rest of the graph, takes the output out of bounds."""
        said = ""
        for inputs, kept in self._hardest(row):
            compared = {name: values[kept] for name, values in inputs.items()} if kept else inputs
            exact = ExactGraph(onnx.load_model_from_string(self.plan.subject.graph(row.graph).content), compared)
            errors: dict[str, tuple[float, float]] = {}

            def wrong(
                tensor: str,
                inputs: Arrays = inputs,
                kept: slice | None = kept,
                exact: ExactGraph = exact,
                errors: dict[str, tuple[float, float]] = errors,
            ) -> bool | None:
                nonlocal said
                if tensor not in exact.values or tensor not in graph.depending:
                    return None
                try:
                    part = graph.part(tensor, like=exact.values[tensor])
                except ValueError:
                    return None
                answer, silence = self._answer(row, part, inputs, until)
                if answer is None:
                    said = silence
                    return None
                if kept:
                    if answer.shape[:1] != (_rows(inputs),):
                        return None
                    answer = answer[kept]
                errors[tensor] = exact.error(tensor, answer), exact.effect(tensor, answer, row.output)
                return errors[tensor][1] > row.tolerance

            first = first_bad(graph, row.output, wrong)
            if first is not None:
                return self._wrong_text(row, graph, first, exact, errors[first.tensor])
        return f"no node: cut off at {row.output} it gives no answer: {said}" if said else ""

    def _wrong_text(
        self, row: Row, graph: TensorGraph, first: FirstBad, exact: ExactGraph, errors: tuple[float, float]
    ) -> str:
        error, effect = errors
        text = f"{graph.describe(first.tensor)} {_off(error, exact.values[first.tensor])}"
        if first.tensor != row.output:
            text += f", which alone puts {row.output} {_off(effect, exact.values[row.output]).removeprefix('is ')}"
        allowed = f", allowed {row.tolerance:.2g}" if exact.values[row.output].dtype.kind == "f" else ""
        return f"{text}{allowed}{_unsure(first, graph)}"

    def _few_values(self, row: Row) -> Arrays:
        """Every tensor of a graph for two probes, which tells types and ranks; none where it cannot be evaluated."""
        model = onnx.load_model_from_string(self.plan.subject.graph(row.graph).content)
        try:
            return exact_values(model, self._probes(row.graph).rows(0, 2))
        except InputError:
            return {}

    def _hardest(self, row: Row) -> Iterator[tuple[Arrays, slice | None]]:
        """The row with the largest error behind a few probes; then the batch that it was in.

        Each comes with the rows that are compared, where they are not all: float64 takes long for a large batch.
        """
        name, worst = row.worst
        hardest = self.plan.subject.input_set(row.graph, name or "probes")
        if not hardest.batched:
            yield hardest.values(), None
            return
        probes = self._probes(row.graph)
        few, last = probes.rows(0, _ROWS - 1), hardest.rows(worst, worst + 1)
        if probes.batched and all(few[key].shape[1:] == values.shape[1:] for key, values in last.items()):
            yield {key: np.concatenate([few[key], values]) for key, values in last.items()}, None
        else:
            yield last, None
        start, stop = row.step[1:] if row.step[0] == hardest.name else (0, 0)
        if not start <= worst < stop:
            start = max(0, min(worst, len(hardest) - _ROWS_WITHOUT_ANSWER))
            stop = min(start + _ROWS_WITHOUT_ANSWER, len(hardest))
        if stop - start > 1:
            first = max(0, min(worst - start, stop - start - _ROWS))
            alone = self.plan.expectations.independent(row.graph) and stop - start > _ROWS
            yield hardest.rows(start, stop), slice(first, first + _ROWS) if alone else None

    def _sizes(self, row: Row) -> Iterator[Arrays]:
        """Inputs to which there may be no answer: those that got none, many probes, every other set, no row at all."""
        probes = self._probes(row.graph)
        name, start, stop = row.step
        if name:
            yield self.plan.subject.input_set(row.graph, name).rows(start, stop)
        yield probes.rows(0, _ROWS_WITHOUT_ANSWER)
        others = (each for each in self.plan.subject.input_sets if each.graph == row.graph and each is not probes)
        yield from (each.rows(0, _ROWS_WITHOUT_ANSWER) for each in others)
        if probes.batched:
            yield probes.rows(0, 0)

    def _probes(self, graph: str) -> InputSet:
        return self.plan.subject.input_set(graph, "probes")

    def _answer(self, row: Row, part: ModelProto, inputs: Arrays, until: float) -> tuple[NDArray[Any] | None, str]:
        """A backend's answer to a part of a graph, which has one output; else what it said.

        Raises:
            TimeoutError: there was no more time.
        """
        if (left := until - time.monotonic()) <= 0:
            raise TimeoutError
        answers, said = self.run_part(row.backend, row.graph, part, inputs, limit=left)
        if answers is not None:
            return answers[part.graph.output[0].name], ""
        if time.monotonic() >= until:
            raise TimeoutError
        return None, said


def _rows(inputs: Arrays) -> int:
    return len(next(iter(inputs.values())))


def _off(error: float, exact: NDArray[Any]) -> str:
    if exact.dtype.kind == "f":
        return f"is off by {error:.2g}"
    return f"is wrong in {error:.0f} of {exact.size} entries" if np.isfinite(error) else "is of another shape"


def _unsure(first: FirstBad, graph: TensorGraph) -> str:
    """What stands between the node that was found and the certainty that it is the first."""
    if first.in_time and not first.unknown:
        return ""
    after = f" after {graph.describe(first.last_good)}" if first.last_good else ""
    if not first.in_time:
        return f"; it may be an earlier one{after}: there was no time to try all"
    unknown = f"{', '.join(first.unknown[:_MOST_NAMED])}{', ...' * (len(first.unknown) > _MOST_NAMED)}"
    return f"; it may be an earlier one{after}: cut off at {unknown} the graph gives no answer to compare"
