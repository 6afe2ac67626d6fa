"""How far each number of an answer may be from the exact one by rounding alone: the noise floor of a small graph.

A small graph has no noise floor that was measured over many inputs, and one floor for a whole tensor says nothing of
its small numbers. Each number gets a floor of its own here: everything that a node reads and gives is moved by up to
one rounding step at random, again and again, and the answer's largest movement is taken (Monte Carlo arithmetic; D.
Stott Parker, 1997). What the standard's evaluator and onnxruntime really answer in the graph's own types is added.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, helper

from vaeport.errors import InputError

from ..reference.evaluator import doubled, doubled_inputs, evaluator, reference_arithmetic
from ..reference.onnx_graph import unoptimised_session
from ..subjects.tensors import is_float, rounding_step
from .case import Case

_SAMPLES = 16
_SEED = 20261125
_KEEPS_SIZES = ("Resize", "Upsample", "Range", "OneHot", "Tile", "Pad")  # their later inputs say sizes and places


def noise_floor(case: Case, *, onnxruntime: bool) -> NDArray[np.float64]:
    """Rounding noise of each number of the answer; infinite where rounding alone decides it.

    Args:
        case: a graph and its inputs.
        onnxruntime: whether what onnxruntime answers is taken for right within its own noise; not where it is the one
            that falls short.

    Raises:
        InputError: the graph cannot be evaluated.
    """
    exact, native = case.exact, case.native_values[case.output]
    with reference_arithmetic():
        return _floor(case, exact, native, onnxruntime=onnxruntime)


def _floor(case: Case, exact: NDArray[Any], native: NDArray[Any], *, onnxruntime: bool) -> NDArray[np.float64]:
    moved = list(_moved(case))
    if exact.dtype.kind != "f":
        doubt = np.zeros(exact.shape, bool)
        for each in (*moved, native):
            doubt |= each != exact
        return np.where(doubt, np.inf, 0.0)
    step = rounding_step(native.dtype)
    smallest = float(np.finfo(np.float32).tiny)  # runtimes may take what is below for 0
    spread = np.full(exact.shape, 0.0)
    for each in moved:
        spread = np.maximum(spread, np.nan_to_num(np.abs(each - exact), nan=np.inf))
    floor: NDArray[np.float64] = np.maximum(spread, step * np.abs(exact) + smallest)
    measured = [native, *([] if not onnxruntime else _onnxruntimes(case))]
    for answer in measured:
        difference = np.nan_to_num(np.abs(answer.astype(np.float64) - exact), nan=np.inf)
        floor = np.maximum(floor, difference)
        floor = np.maximum(floor, max(1.0, _relation(difference, spread)) * spread)
    return np.where(np.isfinite(exact), floor, 0.0)


def _relation(difference: NDArray[np.float64], spread: NDArray[np.float64]) -> float:
    """How much a runtime's noise is of the simulated one, over the whole tensor: sums may be added in any order."""
    usual = np.isfinite(difference) & np.isfinite(spread)
    below = float(np.sqrt(np.mean(spread[usual] ** 2))) if usual.any() else 0.0
    return float(np.sqrt(np.mean(difference[usual] ** 2))) / below if below else 0.0


def _onnxruntimes(case: Case) -> list[NDArray[Any]]:
    """What onnxruntime answers, without optimisation; nothing where it refuses the graph."""
    if not all(values.size for values in case.inputs.values()):
        return []  # it aborts on some empty ones
    try:
        answer = unoptimised_session(case.model.SerializeToString(), "it").run([case.output], case.inputs)[0]
    except Exception:  # noqa: BLE001 - its errors share no base
        return []
    return [np.asarray(answer)] if np.shape(answer) == case.exact.shape else []


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
