"""How far each number of an answer may be from the exact one by rounding alone: the noise floor of a small graph.

A small graph has no noise floor that was measured over many inputs, and one floor for a whole tensor says nothing of
its small numbers. Each number gets a floor of its own here: everything that a node reads and gives is moved by up to
one rounding step at random, again and again, and the answer's largest movement is taken (Monte Carlo arithmetic; D.
Stott Parker, 1997). What the standard's evaluator, and onnxruntime if it is not the one at fault, really answer in the
graph's own types is added.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, helper

from vaeport.errors import InputError

from ..reference.evaluator import doubled, doubled_inputs, evaluator, reference_arithmetic
from ..subjects.tensors import is_float, rounding_step
from .case import Case

_SAMPLES = 16
_SEED = 0
_SMALLEST = float(np.finfo(np.float32).tiny)  # runtimes may take what is below for 0
_KEEPS_SIZES = ("Resize", "Upsample", "Range", "OneHot", "Tile", "Pad")  # their later inputs say sizes and places


@dataclass(frozen=True, eq=False)
class NoiseFloor:
    """Rounding noise of each number of an answer."""

    values: NDArray[np.float64]
    """The noise; infinite where rounding alone decides what comes out, 0 for entries that must be equal."""
    _spread: NDArray[np.float64]
    _exact: NDArray[Any]

    def with_answer(self, answer: NDArray[Any]) -> "NoiseFloor":
        """The floor if another answer is within rounding noise, too."""
        if answer.shape != self._exact.shape:
            return self
        with reference_arithmetic():
            if self._exact.dtype.kind != "f":
                return replace(self, values=np.where(answer != self._exact, np.inf, self.values))
            difference = np.nan_to_num(np.abs(answer.astype(np.float64) - self._exact), nan=np.inf)
            usual = max(1.0, _relation(difference, self._spread)) * self._spread
            widened = np.maximum(self.values, np.maximum(difference, usual))
        return replace(self, values=np.where(np.isfinite(self._exact), widened, 0.0))


def noise_floor(case: Case) -> NoiseFloor:
    """Rounding noise of each number of the answer, as the standard's evaluator and simulated rounding show it.

    Raises:
        InputError: the graph cannot be evaluated.
    """
    exact, native = case.exact, case.native_values[case.output]
    with reference_arithmetic():
        moved = list(_moved(case))
        if exact.dtype.kind != "f":
            doubt = np.zeros(exact.shape, bool)
            for each in moved:
                doubt |= each != exact
            none = np.zeros(exact.shape)
            return NoiseFloor(np.where(doubt, np.inf, 0.0), none, exact).with_answer(native)
        spread = np.zeros(exact.shape)
        for each in moved:
            spread = np.maximum(spread, np.nan_to_num(np.abs(each - exact), nan=np.inf))
        least = rounding_step(native.dtype) * np.abs(exact) + _SMALLEST
        return NoiseFloor(np.maximum(spread, least), spread, exact).with_answer(native)


def _relation(difference: NDArray[np.float64], spread: NDArray[np.float64]) -> float:
    """How much a runtime's noise is of the simulated one, over the whole tensor: sums may be added in any order."""
    usual = np.isfinite(difference) & np.isfinite(spread)
    below = float(np.sqrt(np.mean(spread[usual] ** 2))) if usual.any() else 0.0
    return float(np.sqrt(np.mean(difference[usual] ** 2))) / below if below else 0.0


def _moved(case: Case) -> Iterator[NDArray[Any]]:
    """Answers in float64 with everything moved by a rounding step at random."""
    model, sizes = _movable(case)
    try:
        run = evaluator(model)
    except InputError:
        return
    rng = np.random.default_rng(_SEED)
    given = doubled_inputs(case.inputs)
    for _ in range(_SAMPLES):
        moves = {name: 1 + step * rng.uniform(-1, 1, shape) for name, (shape, step) in sizes.items()}
        try:
            found: Any = run.run([case.output], {**given, **moves})
            answer = np.asarray(found[0])
        except InputError:
            continue
        if answer.shape == case.exact.shape:
            yield answer


def _movable(case: Case) -> tuple[ModelProto, dict[str, tuple[tuple[int, ...], float]]]:
    """A graph with a factor for every float that a node reads or gives; shape and rounding step of each factor."""
    model = doubled(case.model)
    sizes: dict[str, tuple[tuple[int, ...], float]] = {}
    nodes: list[onnx.NodeProto] = []

    def factor(name: str, result: str) -> onnx.NodeProto:
        own = f"{result} moved by"
        values = case.native_values.get(name)
        step = rounding_step(values.dtype) if values is not None and is_float(values.dtype) else _float32_step()
        sizes[own] = (case.values[name].shape, step)
        return helper.make_node("Mul", [name, own], [result])

    def is_number(name: str) -> bool:
        return bool(name) and name in case.values and case.values[name].dtype == np.float64

    for place, node in enumerate(model.graph.node):
        copy = onnx.NodeProto()
        copy.CopyFrom(node)
        for index, name in enumerate(node.input):
            if is_number(name) and not (index and node.op_type in _KEEPS_SIZES):
                copy.input[index] = f"{name} for {place}.{index}"
                nodes.append(factor(name, copy.input[index]))
        given = [name for name in node.output if is_number(name)]
        copy.output[:] = [f"{name} raw" if name in given else name for name in node.output]
        nodes.append(copy)
        for name in given:
            own = factor(name, name)
            own.input[0] = f"{name} raw"
            nodes.append(own)
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    model.graph.input.extend(
        helper.make_tensor_value_info(name, TensorProto.DOUBLE, shape) for name, (shape, _) in sizes.items()
    )
    return model, sizes


@lru_cache(maxsize=1)
def _float32_step() -> float:
    return rounding_step("float32")
