"""Whether two spellings of a graph compute the same, tried in float64 on rows that wake every unit."""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, helper, numpy_helper

from ..reference.evaluator import doubled, doubled_inputs, evaluator, every_node
from ..subjects.tensors import Arrays
from .canonical import STANDARD, Term, every_term

MOST_ROUNDINGS = 32.0
"""Times the effect of rounding each weight once that two spellings may differ by: folding a scale into weights or
splitting a product rounds every weight a few times; the largest of these effects is meant."""

EQUAL = 1e-9
"""Relative difference in float64 of graphs whose weights only stand in another order."""

_DEAD = ("Relu", "Clip", "HardSigmoid", "HardTanh", "ThresholdedRelu", "HardSwish")
_CURVED = frozenset(
    (
        *_DEAD,
        *("LeakyRelu", "PRelu", "Elu", "Selu", "Celu", "Sigmoid", "Tanh", "Softplus", "Softsign", "Erf", "Exp", "Log"),
        *("Sqrt", "Softmax", "LogSoftmax", "Gelu", "Mish", "Swish", "Max", "Min", "Where", "Sin", "Cos", "Abs"),
        *("Sign", "Floor", "Round"),
    )
)
_SLOPE = 0.5
_DRAWN = 3  # rows beside those that are given
_SPREAD = 2.0
_SEED = 20181


@dataclass(frozen=True)
class Effect:
    """How far two graphs are apart."""

    largest: float
    """Largest difference of any output in units of that output's largest number; infinite where shapes differ."""
    rounding: float
    """The same between a graph and itself with each weight rounded once."""
    output: str = ""
    """The output where the difference is largest."""

    @property
    def same(self) -> bool:
        """Whether the difference is no more than what rounding weights explains."""
        return self.largest <= max(MOST_ROUNDINGS * self.rounding, EQUAL)


def effect(model: ModelProto, other: ModelProto, inputs: Arrays) -> Effect:
    """The larger effect of running two graphs as they are, and with no unit dead.

    A rectifier that never passes anything hides what its weights are. So both are run once more with every rectifier
    replaced by one that passes half of what is negative, if both have the same nonlinear operators: every rewriting
    that leaves these alone (units in another order or scaled, products split or fused) still computes the same.

    Args:
        model: a graph.
        other: one that should compute the same, with the same inputs and outputs.
        inputs: a few rows, by input name; rows of random numbers are added where all inputs are floats.

    Raises:
        InputError: an operator of one of them cannot be evaluated.
    """
    rows = _with_drawn(inputs)
    effects = [_effect(model, other, rows)]
    if _nonlinear(model) == _nonlinear(other):
        effects.append(_effect(_awake(model), _awake(other), rows))
    return max(effects, key=lambda each: each.largest / max(each.rounding, EQUAL / MOST_ROUNDINGS))


def same_kinds(given: Mapping[str, Term], wanted: Mapping[str, Term]) -> str:
    """In words which operators one graph has more of than another; empty where they have the same."""
    mine, theirs = (Counter(term.operator for term in every_term(each) if term.operator) for each in (given, wanted))
    more, fewer = (
        ", ".join(f"{count} {kind}" for kind, count in sorted(each.items())) for each in (mine - theirs, theirs - mine)
    )
    if more and fewer:
        return f"it has {more} in place of {fewer}"
    return f"it has {more} more" if more else f"it lacks {fewer}" if fewer else ""


def _effect(model: ModelProto, other: ModelProto, rows: Arrays) -> Effect:
    outputs = [info.name for info in other.graph.output]
    wide = doubled(other)
    given = doubled_inputs(rows)
    answers, right, rounded = (
        dict(zip(outputs, evaluator(each).run(outputs, dict(given)), strict=True))
        for each in (doubled(model), wide, _nudged(wide))
    )
    differences = {name: _relative(answers[name], right[name]) for name in outputs}
    worst = max(differences, key=lambda name: differences[name])
    return Effect(differences[worst], max(_relative(rounded[name], right[name]) for name in outputs), worst)


def _relative(given: NDArray[Any], exact: NDArray[Any]) -> float:
    given, exact = np.asarray(given), np.asarray(exact)
    if given.shape != exact.shape:
        return math.inf
    if exact.dtype.kind != "f":
        return math.inf if np.any(given != exact) else 0.0
    same = (given == exact) | (np.isnan(given) & np.isnan(exact))
    finite = np.isfinite(exact) & np.isfinite(given)
    if np.any(~same & ~finite):
        return math.inf
    difference = np.max(np.abs(given - exact), initial=0.0, where=finite)
    return float(difference / max(float(np.max(np.abs(exact), initial=0.0, where=finite)), 1e-300))


def _with_drawn(inputs: Arrays) -> Arrays:
    """The rows given, and some of random numbers wider than data is."""
    if any(values.dtype.kind != "f" or not values.ndim for values in inputs.values()):
        return inputs
    if len({len(values) for values in inputs.values()}) != 1:
        return inputs
    random = np.random.default_rng(_SEED)
    return {
        name: np.concatenate(
            [values, (_SPREAD * random.standard_normal((_DRAWN, *values.shape[1:]))).astype(values.dtype)]
        )
        for name, values in inputs.items()
    }


def _nonlinear(model: ModelProto) -> Counter[str]:
    return Counter(node.op_type for node in every_node(model) if node.op_type in _CURVED)


def _awake(model: ModelProto) -> ModelProto:
    """The graph with operators that pass nothing in a part of their range replaced by one that passes everything."""
    copy = ModelProto()
    copy.CopyFrom(model)
    for node in every_node(copy):
        if node.domain in STANDARD and node.op_type in _DEAD:
            node.op_type = "LeakyRelu"
            del node.input[1:]
            del node.attribute[:]
            node.attribute.append(helper.make_attribute("alpha", _SLOPE))
    return copy


def _nudged(model: ModelProto) -> ModelProto:
    """A graph in float64 with each weight off by half a step of float32, up or down."""
    copy = ModelProto()
    copy.CopyFrom(model)
    random = np.random.default_rng(_SEED)
    for tensor in copy.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype == np.float64:
            signs = random.choice((-1.0, 1.0), values.shape)
            tensor.CopyFrom(numpy_helper.from_array(np.asarray(values * (1 + 2.0**-24 * signs)), tensor.name))
    return copy


def tried(model: ModelProto, other: ModelProto, inputs: Arrays) -> Effect | None:
    """The effect, or None where one of the graphs cannot be evaluated in float64."""
    try:
        return effect(model, other, inputs)
    except Exception:  # noqa: BLE001 - onnx raises errors of all kinds on a stranger's graph
        return None
