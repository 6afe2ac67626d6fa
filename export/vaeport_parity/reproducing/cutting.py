"""From a whole graph to the few nodes that fall short: rows first, then the output, then what leads to it.

While nodes are cut away the right answer stays the same, so that the fault is judged by what it does to the output in
question: a cut keeps it if the backend's error there alone still takes the output out of its bound.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import ModelProto

from vaeport.errors import InputError

from ..locating.bisection import first_bad
from ..locating.tensors import ExactGraph, TensorGraph, difference, exact_values
from ..reference.evaluator import densify
from ..subjects.tensors import Arrays
from .case import Case, make_case
from .faults import Bench, Reply, alike

NOT_SHOWN = "the backend answers as the graph says on these inputs, run by themselves"
"""What is said of inputs on which the fault does not show."""


class NotShownError(Exception):
    """The fault does not show where it was looked for; the text says why, in a sentence."""


@dataclass(frozen=True)
class Cut:
    """A few nodes of a graph, on which a backend falls short."""

    case: Case
    """The nodes, with the exact values of what they read as inputs."""
    reply: Reply
    """What the backend gives back."""
    effect: float = 0.0
    """Error of the output in question that follows from this alone; 0 where there is no answer."""
    tensor: str = ""
    """Name of the tensor in the whole graph that the nodes end with."""


@dataclass(eq=False)
class Cutter:
    """Cuts one graph."""

    model: ModelProto
    """The graph."""
    inputs: Arrays
    """Inputs on which it falls short."""
    output: str
    """The output that falls short."""
    tolerance: float
    """Its bound; 0 where it must be equal."""
    bench: Bench
    """Runs parts of it."""
    until: float
    """Monotonic time at which it must be done."""
    _said: str = ""
    _silent: bool = False
    _strict: bool = False

    @cached_property
    def graph(self) -> TensorGraph:
        """The graph, taken apart."""
        return TensorGraph(self.model)

    @cached_property
    def exact(self) -> ExactGraph:
        """The graph in float64."""
        return ExactGraph(self.model, self.inputs)

    @cached_property
    def _kinds(self) -> dict[str, int]:
        """Element types by tensor, where onnx can infer them."""
        copy = ModelProto()
        copy.CopyFrom(self.model)
        densify(copy.graph)
        try:
            copy = onnx.shape_inference.infer_shapes(copy, data_prop=True)
        except onnx.shape_inference.InferenceError:
            return {}
        values = (*copy.graph.value_info, *copy.graph.input, *copy.graph.output)
        return {value.name: value.type.tensor_type.elem_type for value in values}

    def cut(self, *, strict: bool = False) -> Cut:
        """The smallest part that was found.

        Args:
            strict: whether a tensor is wrong only if rounding cannot explain it either: with a narrow bound, noise
                alone can take the output out of it. That takes longer to find out.

        Raises:
            NotShownError: the graph does not fall short on these inputs, or cannot be taken apart.
        """
        self._strict = strict
        whole = self._whole()
        try:
            tensor = self._first_bad()
        except TimeoutError:
            return whole
        part: Cut | None = None
        path = list(self.graph.above(tensor))
        for count in _powers(len(path)):
            part = self._window(tensor, path[-count:])
            if part is not None:
                break
            if time.monotonic() > self.until:
                return whole
        return part or whole

    def ending(self, cut: Cut) -> Cut | None:
        """The part from what a cut begins with to the output in question; None where that does not fall short."""
        kept = [cut.tensor, *self.graph.below(cut.tensor)]
        return self._window(self.output, [name for name in self.graph.above(self.output) if name in kept])

    def _whole(self) -> Cut:
        """The whole graph on as few rows as show the fault."""
        sizes = {values.shape[0] if values.ndim else 0 for values in self.inputs.values()}
        several = len(sizes) == 1 and max(sizes) > 1 and self._is_batched
        found = self._on({name: values[:1] for name, values in self.inputs.items()}) if several else None
        if found is None:
            found = self._on(self.inputs)
            row = _worst_row(found) if found and several else 0
            alone = self._on({name: values[row : row + 1] for name, values in self.inputs.items()}) if row else None
            found = alone or found
        if found is None:
            raise NotShownError(NOT_SHOWN)
        self.inputs = found.case.inputs
        self.__dict__.pop("exact", None)
        self._silent, self._said = found.reply.values is None, found.reply.said
        return found

    def _on(self, inputs: Arrays) -> Cut | None:
        """The whole graph on some rows; None where they do not show the fault.

        Raises:
            NotShownError: it cannot be tried.
        """
        try:
            part = self.graph.part(self.output, like=exact_values(self.model, inputs)[self.output])
            case = make_case(part, inputs)
        except (InputError, ValueError, KeyError) as error:
            raise NotShownError(f"the graph cannot be taken apart: {error}") from error
        reply = self.bench.reply(case, self.until)
        if not reply.in_time:
            raise NotShownError(reply.said)
        effect = 0.0 if reply.values is None else difference(reply.values, case.exact)
        return Cut(case, reply, effect, self.output) if reply.values is None or not effect <= self.tolerance else None

    @property
    def _is_batched(self) -> bool:
        """Whether the inputs share a symbolic first axis."""
        weights = {tensor.name for tensor in self.model.graph.initializer}
        firsts = {
            "".join(axis.dim_param for axis in value.type.tensor_type.shape.dim[:1])
            for value in self.model.graph.input
            if value.name not in weights
        }
        return len(firsts) == 1 and "" not in firsts

    def _first_bad(self) -> str:
        """The first tensor that takes the output out of its bound; the output itself where none is found."""

        def judge(tensor: str) -> bool | None:
            if time.monotonic() > self.until:
                raise TimeoutError
            if tensor not in self.graph.depending or tensor not in self.exact.values:
                return None
            case = self._case(tensor, list(self.graph.inputs))
            return None if case is None else self._is_bad(tensor, case)

        found = first_bad(self.graph, self.output, judge)
        return found.tensor if found else self.output

    def _is_bad(self, tensor: str, case: Case) -> bool | None:
        reply = self.bench.reply(case, self.until)
        if not reply.in_time:
            return None
        if self._silent:
            return reply.values is None and alike(reply.said, self._said)
        if reply.values is None or self._effect(tensor, case, reply) <= self.tolerance:
            return None if reply.values is None else False
        lenient = not self._strict or tensor == self.output
        return lenient or self.bench.answer(case, self.until).kind not in ("right", "unknown")

    def _effect(self, tensor: str, case: Case, reply: Reply) -> float:
        """Error of the output that follows from the backend's error in a tensor, whatever inputs were rounded."""
        given: Any = reply.values
        exact = self.exact.values[tensor]
        if exact.dtype.kind == "f" and given.shape == exact.shape:
            given = exact + (given.astype(np.float64) - case.exact)
        return self.exact.effect(tensor, given, self.output)

    def _window(self, tensor: str, kept: Sequence[str]) -> Cut | None:
        """Some nodes that lead to a tensor, everything before them given; None where they do not fall short."""
        made = {value.name for name in kept for value in self.graph.makers[name].outputs}
        read = dict.fromkeys(name for each in kept for name in self.graph.reads[each] if name not in made)
        frozen = [name for name in read if name in self.graph.depending and name not in self.graph.inputs]
        if not all(name in self.exact.values for name in frozen):
            return None
        case = self._case(tensor, [*self.graph.inputs, *frozen])
        if case is None or not self._is_bad(tensor, case):
            return None
        reply = self.bench.reply(case, self.until)
        return Cut(case, reply, 0.0 if self._silent else self._effect(tensor, case, reply), tensor)

    def _case(self, tensor: str, inputs: list[str]) -> Case | None:
        """The part of the graph between some tensors and one."""
        try:
            exact = self.exact.values
            part = self.graph.part(tensor, inputs, like=exact.get(tensor))
            given = {name: self._native(name, exact[name]) for name in inputs if name in exact}
            return make_case(part, {**given, **self.inputs})
        except (InputError, ValueError, KeyError):
            return None

    def _native(self, name: str, values: NDArray[Any]) -> NDArray[Any]:
        """Values of float64 in the type that the graph has them in."""
        if values.dtype != np.float64:
            return values
        kind = self._kinds.get(name) or onnx.TensorProto.FLOAT
        return values.astype(onnx.helper.tensor_dtype_to_np_dtype(kind))


def _worst_row(cut: Cut) -> int:
    """The row with the largest error; 0 where there is no answer of rows."""
    answer, exact = cut.reply.values, cut.case.exact
    if answer is None or answer.shape != exact.shape or not exact.size or exact.ndim == 0:
        return 0
    errors = np.nan_to_num(np.abs(answer.astype(np.float64) - exact), nan=np.inf)
    return int(errors.reshape(len(exact), -1).max(axis=1).argmax())


def _powers(count: int) -> Iterator[int]:
    """1, 2, 4, ... and the number itself."""
    size = 1
    while size < count:
        yield size
        size *= 2
    yield count
