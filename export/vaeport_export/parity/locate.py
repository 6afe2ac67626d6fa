"""Where answers first go wrong: in the capture, in the file, or on a backend, and there at which node."""

import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import ModelProto

from vaeport.comparison import max_abs_error
from vaeport.contract import FP32, GRAPHS

from ..probes import from_pixels
from .bisection import Found, first_bad_node
from .execution import PAST_TIME_LIMIT, run_once
from .file_diff import describe, file_differences, fresh_export
from .ladder import CAPTURE, ORIGINALS, STANDARD, Ladder
from .report import ParityRow
from .sentences import row_sentence
from .steps import CHAIN
from .tensors import ExactGraph, Values, cut_off

_IN_FLOATS = (FP32, "fp16")  # a graph with integers in it jumps, and cannot be computed in float64
_ROWS = 7
_ROWS_WITHOUT_ANSWER = 257  # some backends fail on large batches only
_MOST_NAMED = 3
_SHARE = 0.25  # of the time limit, for the search of one backend


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
    _differences: dict[str, str] = field(default_factory=dict)
    _places: dict[str, Place] = field(default_factory=dict)
    _parts: "itertools.count[int]" = field(default_factory=itertools.count)

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
            hold = f"{_listed(held)} hold{'s' * (len(held) == 1)}" if held else ""
            if rung in (*ORIGINALS, CAPTURE):
                return Place(rung, f"{rung}: {self._said(rung, graph)}")
            if rung == STANDARD and self.ladder.must_hold(rung):
                return Place(rung, f"{subject.file(graph)}: {self._difference(graph)}" + (f"; {hold}" if hold else ""))
            if _only_pixels(failing[0]):
                return Place(rung, f"preprocessing of {graph}: float images hold, raw pixels do not")
            text = f"{graph}, {self._node(failing)}" if subject.precision in _IN_FLOATS else self._said(backend, graph)
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

    def _node(self, failing: list[ParityRow]) -> str:
        """The first node that a backend computes wrongly in a file that is right."""
        until = time.monotonic() + _SHARE * self.ladder.limit
        graph = failing[0].graph
        model = onnx.shape_inference.infer_shapes(onnx.load_model_from_string(self.ladder.subject.onnx(graph)))
        try:
            for row in failing:
                search = self._first_silent if row.failed else self._first_wrong
                if text := search(row, model, until):
                    return text
        except TimeoutError:
            return f"no node found within {_SHARE * self.ladder.limit:g} s"
        except Exception as error:  # noqa: BLE001 - onnx's helpers raise errors of all kinds, and the figures stand without a node
            return f"no node found, since onnx cannot take the graph apart: {' '.join(str(error).split())[:200]}"
        return f"no single node: cut off at {_listed([row.output for row in failing])}, a small batch holds"

    def _first_silent(self, row: ParityRow, model: ModelProto, until: float) -> str:
        """For a graph that gets no answer: the first node behind which it gets none when it is cut off there."""
        probes = self.ladder.asked.sets[row.graph, "probes"].inputs
        inputs = _cut(probes, _ROWS_WITHOUT_ANSWER)
        shapes = {name: values.shape for name, values in ExactGraph(model, _cut(probes, 2)).values.items()}
        said: dict[str, str] = {}

        def silent(tensor: str) -> bool | None:
            if shapes[tensor][:1] != (2,):
                return None
            answer, said[tensor] = self._answer(row, model, tensor, inputs, shapes[tensor][1:], until)
            return answer is None

        found = first_bad_node(model, row.output, silent)
        if found is None:
            return ""
        if all(said.values()):
            return f"no part of it that was tried gets an answer, not even {describe(found.node)}: {said[found.tensor]}"
        return f"{describe(found.node)} gives no answer: {said[found.tensor]}{_unsure(found)}"

    def _first_wrong(self, row: ParityRow, model: ModelProto, until: float) -> str:
        """The first node whose error alone, carried through the rest of the graph, takes the output out of bounds."""
        inputs = self._inputs(row)
        exact = ExactGraph(model, inputs)
        errors: dict[str, tuple[float, float]] = {}
        said = ""

        def wrong(tensor: str) -> bool | None:
            nonlocal said
            if exact.values[tensor].shape[:1] != (_ROWS,):
                return None
            answer, silence = self._answer(row, model, tensor, inputs, exact.values[tensor].shape[1:], until)
            if answer is None:
                said = silence
                return None
            errors[tensor] = max_abs_error(answer, exact.values[tensor]), exact.effect(tensor, answer, row.output)
            return errors[tensor][1] > row.tolerance

        found = first_bad_node(model, row.output, wrong)
        if found is None:
            return f"no node: cut off at {row.output} it gives no answer: {said}" if said else ""
        error, effect = errors[found.tensor]
        leads = f", which alone puts {row.output} off by {effect:.2g}" if found.tensor != row.output else ""
        return f"{describe(found.node)} is off by {error:.2g}{leads}, allowed {row.tolerance:.2g}{_unsure(found)}"

    def _inputs(self, row: ParityRow) -> Values:
        """The row with the largest error behind a few probes."""
        name, worst = row.worst
        probes = self.ladder.asked.sets[row.graph, "probes"].inputs
        hardest = self.ladder.asked.sets[row.graph, name or "probes"].inputs
        return {
            key: np.concatenate([values, _floats(hardest[key][worst : worst + 1])])
            for key, values in _cut(probes, _ROWS - 1).items()
        }

    def _answer(
        self, row: ParityRow, model: ModelProto, tensor: str, inputs: Values, shape: tuple[int, ...], until: float
    ) -> tuple[NDArray[Any] | None, str]:
        """A backend's answer for one tensor, as the only output of the graph that leads to it; else what it said."""
        if (left := until - time.monotonic()) <= 0:
            raise TimeoutError
        folder = self.ladder.folder / f"part-{next(self._parts)}"
        folder.mkdir()
        onnx.save(cut_off(model, tensor), folder / "model.onnx")
        outcome = run_once(
            row.backend,
            row.graph,
            folder / "model.onnx",
            inputs,
            {tensor: shape},
            bundle=self.ladder.subject.bundle.path,
            folder=folder / "job",
            limit=left,
            isolated=self.ladder.isolated,
        )
        if 0 in outcome.answers:
            return outcome.answers[0][tensor], ""
        if time.monotonic() >= until:
            raise TimeoutError
        return None, outcome.missing or outcome.errors[0]


def _only_pixels(row: ParityRow) -> bool:
    return {name for name, error in row.by_set.items() if error > row.tolerance} == {"pixels"}


def _cut(inputs: Values, rows: int) -> Values:
    return {name: values[:rows] for name, values in inputs.items()}


def _floats(values: NDArray[Any]) -> NDArray[Any]:
    return from_pixels(values) if values.dtype == np.uint8 else values


def _unsure(found: Found) -> str:
    """What stands between the node that was found and the certainty that it is the first."""
    if found.in_time and not found.unknown:
        return ""
    after = f" after {describe(found.last_good)}" if found.last_good else ""
    if not found.in_time:
        return f"; it may be an earlier one{after}: there was no time to try all"
    unknown = f"{', '.join(found.unknown[:_MOST_NAMED])}{', ...' * (len(found.unknown) > _MOST_NAMED)}"
    return f"; it may be an earlier one{after}: cut off at {unknown} the graph gives no answer to compare"


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]
