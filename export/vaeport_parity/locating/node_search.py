"""Which node of a graph a backend computes wrongly: bisection over the graph cut off behind its nodes."""

import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import ModelProto

from vaeport.checks.comparison import max_abs_error
from vaeport_export.bundle.probes import from_pixels
from vaeport_export.bundle.subject import Subject

from ..asking.steps import Questions
from ..backends import all_backends
from ..reporting.report import ParityRow
from ..reporting.sentences import listed
from ..running.execution import GraphJob, run_once
from ..subjects.tensors import TensorSpec, input_specs
from .bisection import Found, first_bad_node
from .file_differences import describe
from .tensors import ExactGraph, Values, cut_off

_ROWS = 7
_ROWS_WITHOUT_ANSWER = 257  # some backends fail on large batches only
_MOST_NAMED = 3


@dataclass(eq=False)
class NodeSearch:
    """Runs parts of a bundle's graphs on backends."""

    subject: Subject
    """The bundle with its checkpoint."""
    asked: Questions
    """What the backends were asked."""
    folder: Path
    """A folder to work in."""
    limit: float
    """Seconds that one search may take."""
    isolated: bool
    """Whether backends run in processes of their own."""
    _parts: "itertools.count[int]" = field(default_factory=itertools.count)

    def first_node(self, failing: Sequence[ParityRow]) -> str:
        """The first node that a backend computes wrongly in a file that is right, or why none was found, in words.

        Args:
            failing: rows of one backend for one graph that do not hold.
        """
        until = time.monotonic() + self.limit
        try:
            content = self.subject.onnx(failing[0].graph)
            model = onnx.shape_inference.infer_shapes(onnx.load_model_from_string(content))
            for row in failing:
                search = self._first_silent if row.failed else self._first_wrong
                if text := search(row, model, until):
                    return text
        except TimeoutError:
            return f"no node found within {self.limit:g} s"
        except Exception as error:  # noqa: BLE001 - onnx's helpers raise errors of all kinds, and the figures stand without a node
            return f"no node found, since onnx cannot take the graph apart: {' '.join(str(error).split())[:200]}"
        return f"no single node: cut off at {listed([row.output for row in failing])}, a small batch holds"

    def _first_silent(self, row: ParityRow, model: ModelProto, until: float) -> str:
        """For a graph that gets no answer: the first node behind which it gets none when it is cut off there."""
        probes = self.asked.sets[row.graph, "probes"].inputs
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
        probes = self.asked.sets[row.graph, "probes"].inputs
        hardest = self.asked.sets[row.graph, name or "probes"].inputs
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
        folder = self.folder / f"part-{next(self._parts)}"
        folder.mkdir()
        part = cut_off(model, tensor)
        onnx.save(part, folder / "model.onnx")
        (info,) = part.graph.output
        dtype = onnx.helper.tensor_dtype_to_np_dtype(info.type.tensor_type.elem_type).name
        output = TensorSpec(tensor, dtype, ("batch", *shape))
        graph = GraphJob(row.graph, folder / "model.onnx", input_specs(part), (output,))
        backend = all_backends()[row.backend]
        outcome = run_once(backend, graph, inputs, folder / "job", limit=left, isolated=self.isolated)
        if 0 in outcome.answers:
            return outcome.answers[0][tensor], ""
        if time.monotonic() >= until:
            raise TimeoutError
        return None, outcome.missing or outcome.errors[0]


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
