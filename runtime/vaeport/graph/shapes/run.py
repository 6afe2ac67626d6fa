"""The abstract run: a graph gone through node by node with a batch of so many rows, within limits."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from ...errors import BundleError
from ..limits import (
    MAX_BATCH_ELEMENTS,
    MAX_BATCH_WORK,
    MAX_LIVE_BYTES,
    MAX_RANK,
    MAX_ROW_ELEMENTS,
    MAX_ROW_WORK,
)
from ..reading import Graph, Node
from ..tensors import ELEMENT_BITS, FLOAT, type_name
from ..wire import quoted
from .call import ELEMENT_STEPS, Call, Known, Shape
from .table import OPERATORS, Operator


class LimitError(BundleError):
    """A batch costs more than the limits allow; a smaller one may not."""


@dataclass(frozen=True)
class Outcome:
    """What an abstract run found."""

    tensors: Mapping[str, Known]
    """Every tensor by name."""
    largest: int
    """Elements of the largest tensor that is not made of weights alone."""
    work: int
    """Steps of all nodes."""
    live_bytes: int
    """Bytes of all tensors that are held at one time, weights not counted."""
    asked: tuple[int, ...]
    """Sizes that nodes ask for or cut. Where they are the same for one row and for many, every size grows with the
    batch or stays as it is, so that two runs hold for all batches between."""


class _Step(NamedTuple):
    node: Node
    operator: Operator
    last_uses: tuple[str, ...]
    """Inputs that nothing needs any more afterwards."""
    constant: bool
    """Whether all inputs are constants: onnxruntime may compute it when it loads the graph, and keep it."""


class Plan:
    """A graph made ready for abstract runs.

    Raises:
        BundleError: an operator is not on the list, has too many or too few inputs, a name is made twice, or is used
            before it is made.
    """

    def __init__(self, graph: Graph, *, opset: int) -> None:
        self._opset = opset
        self._outputs = tuple(output.name for output in graph.outputs)
        self._weights: dict[str, Known] = {}
        for tensor in graph.initializers:
            if not tensor.name or tensor.name in self._weights:
                raise BundleError(f"the graph has the weight {quoted(tensor.name)} twice or without a name")
            _check_type(tensor.dtype, f"the weight {quoted(tensor.name)}")
            self._weights[tensor.name] = Known(tensor.dtype, tensor.dims, constant=True, source=tensor)
        self._inputs = tuple(value.name for value in graph.inputs if value.name not in self._weights)
        self._steps = self._ordered(graph)
        self._folded: dict[int, list[Known | None]] = {}

    def run(self, inputs: Mapping[str, Shape], rows: int) -> Outcome:
        """Go through the graph with float32 inputs of these shapes; otherwise as `run_known`."""
        return self.run_known({name: Known(FLOAT, shape) for name, shape in inputs.items()}, rows)

    def run_known(self, inputs: Mapping[str, Known], rows: int) -> Outcome:
        """Go through the graph.

        Args:
            inputs: what is known of each input.
            rows: of the batch: which limits hold.

        Raises:
            BundleError: a node does not fit its inputs, or is one that would end or hang the process.
            LimitError: the batch costs too much.
        """
        known: dict[str, Known] = dict(self._weights)
        live = fixed = peak = largest = work = 0
        asked: list[int] = []
        alive: dict[str, int] = {}
        for name in self._inputs:
            known[name] = inputs[name]
            alive[name] = _bytes(known[name])
            live += alive[name]
        for position, step in enumerate(self._steps):
            node = step.node
            call = Call(node, [known[name] if name else None for name in node.inputs], self._opset)
            answers = self._answers(call, position, step)
            made = 0
            for name, answer in zip(node.outputs, answers, strict=False):
                if not name:
                    continue
                if answer is None:
                    call.fail("has more outputs than it can have")
                size = _checked_size(call, answer.shape)
                if size > largest or step.constant:
                    _hold(call, "elements in one tensor", size, MAX_ROW_ELEMENTS if rows == 1 else MAX_BATCH_ELEMENTS)
                    largest = largest if step.constant else size
                known[name] = answer
                count = _bytes(answer)
                made += count
                call.work += ELEMENT_STEPS * size
                if step.constant:
                    fixed += count
                else:
                    alive[name] = count
                    live += count
            work += call.work
            _hold(call, "steps of work", work, MAX_ROW_WORK if rows == 1 else MAX_BATCH_WORK)
            held = live + fixed + 4 * call.workspace
            if held > peak:
                peak = held
                _hold(call, "bytes held at one time", held, MAX_LIVE_BYTES)
            if call.asked and not step.constant:
                asked.extend(call.asked)
            for name in step.last_uses:
                live -= alive.pop(name, 0)
        return Outcome(known, largest, work, peak, tuple(asked))

    def _answers(self, call: Call, position: int, step: _Step) -> list[Known | None]:
        """Outputs of one node; those of constants alone are worked out once."""
        folded = self._folded.get(position)
        if folded is not None:
            return folded
        try:
            answers = step.operator.shapes(call)
        except BundleError:
            raise
        except (ArithmeticError, LookupError, MemoryError, TypeError, ValueError) as error:
            # Closed rather than open: what the abstract run stumbles over does not reach onnxruntime.
            raise BundleError(f"{call.node} has sizes or values that cannot be followed") from error
        if isinstance(answers, Known):
            answers = [answers]
        if step.constant:
            for answer in answers:
                if answer is not None:
                    answer.constant = True
            self._folded[position] = answers
        return answers

    def _ordered(self, graph: Graph) -> list[_Step]:
        """The nodes with what they need, checked to come in order; and where each tensor is used last."""
        made = {*self._inputs, *self._weights}
        constants = set(self._weights)
        steps: list[_Step] = []
        for node in graph.nodes:
            operator = _operator(node)
            for name in node.inputs:
                if name and name not in made:
                    raise BundleError(f"{node} takes {quoted(name)}, which nothing before it makes")
            constant = all(name in constants for name in node.inputs if name)
            for name in filter(None, node.outputs):
                if name in made:
                    raise BundleError(f"{node} makes {quoted(name)}, which is there already")
                made.add(name)
                if constant:
                    constants.add(name)
            steps.append(_Step(node, operator, (), constant))
        for name in self._outputs:
            if name not in made:
                raise BundleError(f"the output {quoted(name)} is made by no node")
        needed = set(self._outputs)
        for position in range(len(steps) - 1, -1, -1):
            step = steps[position]
            last = tuple({name for name in (*step.node.inputs, *step.node.outputs) if name and name not in needed})
            needed.update(last)
            steps[position] = step._replace(last_uses=last)
        return steps


def _checked_size(call: Call, shape: Shape) -> int:
    """Number of elements; an empty tensor may not have huge axes beside the empty one, which a kernel could take up."""
    if len(shape) > MAX_RANK:
        call.fail(f"makes a tensor of {len(shape)} axes; the limit is {MAX_RANK}")
    size = math.prod(shape)
    if not size and math.prod(max(axis, 1) for axis in shape) > MAX_BATCH_ELEMENTS:
        call.fail(f"makes the empty shape {list(shape)}; its other axes are above {MAX_BATCH_ELEMENTS} elements")
    return size


def _bytes(known: Known) -> int:
    return (known.size * ELEMENT_BITS.get(known.dtype, 64) + 7) // 8


def _operator(node: Node) -> Operator:
    operator = OPERATORS.get(node.op_type)
    if operator is None:
        raise BundleError(
            f"{node} has an operator that is not allowed in a bundle (docs/security.md lists those that are)"
        )
    inputs, outputs = node.inputs, node.outputs
    if not operator.least <= len(inputs) <= operator.most:
        raise BundleError(f"{node} has {len(inputs)} inputs, but takes from {operator.least} to {operator.most}")
    if not all(inputs[: operator.least]):
        raise BundleError(f"{node} leaves out an input that it needs")
    if not 1 <= len(outputs) <= operator.outputs or not any(outputs):
        raise BundleError(f"{node} has {len(outputs)} outputs, but gives from 1 to {operator.outputs}")
    return operator


def _check_type(dtype: int, what: str) -> None:
    if dtype not in _TYPES:
        raise BundleError(f"{what} has the element type {type_name(dtype)}, which is not allowed")


def _hold(call: Call, what: str, count: int, limit: int) -> None:
    if count > limit:
        raise LimitError(f"{call.node} brings the graph to {count} {what}; the limit is {limit}")


_TYPES = frozenset((1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 16, 17, 18, 19, 20, 21, 22))
"""Floats of 16, 32 and 64 bits, bfloat16, the four float8, integers of 4 to 64 bits, bool."""
