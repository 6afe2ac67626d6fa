"""Everything that the reference computes on the way to its answers, looked up by value in whatever shape and order."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto

from ..reading.differences import describe
from ..subjects.tensors import Arrays
from .graph_run import GraphRun, function_of, reads_of

STRICTEST, LOOSEST = 1e-12, 1e-6
"""Relative differences up to which two tensors are the same: float32 constants such as 1/sqrt(d) are off by 3e-8."""

NATIVE = 2e-5
"""The same where both were computed in float32."""

NEAR = 1e-3
"""Relative difference up to which two tensors are alike but for roundings or a small fault."""

_MOST_AXES = 4
_SAMPLE = 1000
_DEEPEST = 4


@dataclass(frozen=True, eq=False)
class Made:
    """How a tensor of the reference is made."""

    kind: str
    """The operator."""
    words: str
    """The node, in words."""
    reads: tuple[str, ...]
    """What it is computed from, as names of the yardstick; empty text for what is not there."""
    node: NodeProto | None = None
    """The node itself; None in PyTorch."""
    run: GraphRun | None = None
    """The graph that it stands in; None in PyTorch."""


@dataclass(eq=False)
class Yardstick:
    """Tensors of the reference by name, what makes them, and its weights."""

    where: str
    """What to call the reference."""
    values: Arrays = field(default_factory=dict)
    """Tensors that nodes make or a caller gives, in order."""
    made: dict[str, Made] = field(default_factory=dict)
    """What makes them."""
    weights: Arrays = field(default_factory=dict)
    """Constants."""
    tolerance: float = LOOSEST
    """Relative difference up to which two tensors are the same."""
    _by_size: dict[int, list[tuple[str, NDArray[Any]]]] = field(default_factory=dict)
    _sorted: dict[str, NDArray[Any]] = field(default_factory=dict)
    _spans: dict[str, tuple[float, float]] = field(default_factory=dict)

    def put(self, name: str, values: Any, made: Made | None) -> None:
        """Take in a tensor."""
        if not isinstance(values, np.ndarray) or values.dtype.kind not in "biuf":
            return
        values = np.ascontiguousarray(values)
        self.values[name] = values
        self._by_size.setdefault(values.size, []).append((name, values))
        if made is not None:
            self.made[name] = made

    def same(self, values: NDArray[Any], *, ordered: bool = True) -> list[str]:
        """Names of tensors with these values: in this order and any shape, or in any order."""
        if ordered:
            return [
                name
                for name, other in self.of_size(values.size)
                if self._may_be(values, name) and self.is_same(values, other)
            ]
        if values.dtype.kind != "f":  # flags and indices are alike by chance in another order
            return []
        found, flat = [], None
        for name, other in self.of_size(values.size):
            if other.dtype.kind == "f" and self._spans_as_far(values, name):
                flat = np.sort(np.ravel(values)) if flat is None else flat
                if name not in self._sorted:
                    self._sorted[name] = np.sort(np.ravel(other))
                if self.is_same(flat, self._sorted[name]):
                    found.append(name)
        return found

    def near(self, values: NDArray[Any]) -> list[str]:
        """Names of the tensors of the same size that are near, the nearest first."""
        found = []
        for name, other in self.of_size(values.size):
            if values.dtype.kind == "f" and self._may_be(values, name, NEAR):
                away = relative(values, other)
                found += [(away, len(found), name)] if away < NEAR else []
        return [name for _, _, name in sorted(found)]

    def of_size(self, size: int) -> Sequence[tuple[str, NDArray[Any]]]:
        """Tensors with so many entries, in order."""
        return self._by_size.get(size, ())

    def is_same(self, values: NDArray[Any], other: NDArray[Any]) -> bool:
        """Whether two tensors hold the same in the same order, in whatever shape."""
        if values.dtype.kind != "f" or other.dtype.kind != "f":
            return bool(np.array_equal(np.ravel(values), np.ravel(other)))
        return relative(values, other) <= self.tolerance

    def above(self, tensor: str) -> set[str]:
        """Tensors that one is computed from, itself among them."""
        found, unread = {tensor}, [tensor]
        while unread:
            made = self.made.get(unread.pop())
            for name in made.reads if made else ():
                if name and name not in found:
                    found.add(name)
                    unread.append(name)
        return found

    def _may_be(self, values: NDArray[Any], name: str, tolerance: float | None = None) -> bool:
        """Whether a few entries of a large tensor are those of the reference's, so that all are worth comparing."""
        other = self.values[name]
        if values.size <= _SAMPLE or other.dtype.kind != "f":
            return True
        if name not in self._spans:
            self._spans[name] = _span(other)
        low, high = self._spans[name]
        step = values.size // _SAMPLE
        apart = np.abs(np.ravel(values)[::step].astype(np.float64) - np.ravel(other)[::step])
        largest = max(abs(low), abs(high)) or 1.0
        return not bool(np.any(apart > (self.tolerance if tolerance is None else tolerance) * largest))

    def _spans_as_far(self, values: NDArray[Any], name: str) -> bool:
        if name not in self._spans:
            self._spans[name] = _span(self.values[name])
        low, high = self._spans[name]
        most = self.tolerance * (max(abs(low), abs(high)) or 1.0)
        mine = _span(values)
        return not (abs(mine[0] - low) > most or abs(mine[1] - high) > most)


def _span(values: NDArray[Any]) -> tuple[float, float]:
    """Least and largest finite entry."""
    finite = values[np.isfinite(values)]
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)


def relative(values: NDArray[Any], other: NDArray[Any]) -> float:
    """Largest difference of two tensors of one size in relation to the largest value of the other."""
    left, right = (np.asarray(np.ravel(each), np.float64) for each in (values, other))
    with np.errstate(all="ignore"):
        apart = np.abs(left - right)
        apart[(left == right) | (np.isnan(left) & np.isnan(right))] = 0
        finite = np.abs(right[np.isfinite(right)])
    if not np.isfinite(apart).all():
        return float("inf")
    largest = float(np.max(finite, initial=0.0)) or 1.0
    return float(np.max(apart, initial=0.0)) / largest


def tells(values: Any) -> bool:
    """Whether a tensor holds enough to be recognised by its values."""
    if not isinstance(values, np.ndarray) or values.size <= 1:
        return False
    flat = values.reshape(-1)
    return bool((flat[:_SAMPLE] != flat[0]).any()) or bool((flat != flat[0]).any())


def turned(values: NDArray[Any], like: NDArray[Any]) -> NDArray[Any] | None:
    """A tensor with its axes in the order in which it is nearest to another one; None where no order fits its shape."""
    if values.ndim != like.ndim or not 1 < values.ndim <= _MOST_AXES:
        return None
    orders = [order for order in itertools.permutations(range(values.ndim)) if order != tuple(range(values.ndim))]
    fitting = [values.transpose(order) for order in orders if values.transpose(order).shape == like.shape]
    return min(fitting, key=lambda each: relative(each, like), default=None)


def yardstick_of(run: GraphRun, where: str, *, tolerance: float = LOOSEST) -> Yardstick:
    """The tensors of an ONNX graph, those inside its functions and of branches that it takes as well.

    Args:
        run: the graph, computed.
        where: what to call it.
        tolerance: relative difference up to which two tensors are the same.
    """
    yardstick = Yardstick(where, tolerance=tolerance)
    _take_in(yardstick, run, "", "", _DEEPEST)
    return yardstick


def _take_in(yardstick: Yardstick, run: GraphRun, prefix: str, place: str, deepest: int) -> None:
    for name, values in run.inputs.items():
        if not prefix:
            yardstick.put(name, values, None)
    yardstick.weights |= {f"{prefix}{name}": values for name, values in run.weights.items()}
    for node in run.model.graph.node:
        reads = tuple(f"{prefix}{name}" if name else "" for name in (*node.input, *reads_of(node)[len(node.input) :]))
        made = Made(node.op_type, f"{describe(node)}{place}", reads, node, run)
        for name in filter(None, node.output):
            if name in run.varying:
                yardstick.put(f"{prefix}{name}", run.values.get(name), made)
            elif isinstance(run.values.get(name), np.ndarray):
                yardstick.weights[f"{prefix}{name}"] = run.values[name]
        inner = run.inner(node) if deepest else None
        if inner is not None:
            key = next(filter(None, node.output), "")
            words = inner[2] if function_of(node, run.model) is not None else f"{inner[2]} of {describe(node)}"
            _take_in(yardstick, inner[0], f"{prefix}{key}/", f" {words.replace('its ', '')}{place}", deepest - 1)


def torch_yardstick(compute: Callable[[], object], inputs: Arrays, *, tolerance: float = LOOSEST) -> Yardstick:
    """Every tensor that PyTorch makes while something is computed; attention is computed step by step.

    Args:
        compute: runs a network, without gradients.
        inputs: what it runs on, by name.
        tolerance: relative difference up to which two tensors are the same.
    """
    import torch
    from torch._ops import HigherOrderOperator
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils._python_dispatch import TorchDispatchMode

    yardstick = Yardstick("PyTorch", tolerance=tolerance)
    names: dict[int, str] = {}
    kept: list[Any] = []  # so that no later tensor gets the identity of an earlier one
    for name, values in inputs.items():
        yardstick.put(name, values.astype(np.float64) if values.dtype.kind == "f" else values, None)

    def known(tensor: Any) -> str:
        if id(tensor) not in names:
            values = _array(tensor)
            name = next((each for each in inputs if values.shape == inputs[each].shape), "")
            if not name or not yardstick.is_same(values, yardstick.values[name]):
                name = f"weight {len(yardstick.weights)}"
                yardstick.weights[name] = values
            names[id(tensor)] = name
            kept.append(tensor)
        return names[id(tensor)]

    class _Record(TorchDispatchMode):  # type: ignore[no-untyped-call]  # PyTorch leaves it untyped
        supports_higher_order_operators = True

        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            if isinstance(func, HigherOrderOperator):
                return _taken(func, args)
            flat = [each for arg in args for each in (arg if isinstance(arg, list | tuple) else (arg,))]
            reads = tuple(known(each) for each in flat if isinstance(each, torch.Tensor) and not each.is_complex())
            result = func(*args, **(kwargs or {}))
            for tensor in result if isinstance(result, tuple | list) else (result,):
                if isinstance(tensor, torch.Tensor) and not tensor.is_complex():
                    kind = str(func).split(".")[1]
                    name = f"{kind} {len(yardstick.values)}"
                    yardstick.put(name, _array(tensor), Made(kind, kind, reads))
                    names[id(tensor)] = name
                    kept.append(tensor)
            return result

    def _taken(func: Any, args: Any) -> Any:
        """The branch that torch.cond takes, recorded too."""
        if func is not torch.ops.higher_order.cond:
            raise NotImplementedError(f"{func} is not recorded")
        pred, if_true, if_false, operands = args
        with _Record():  # type: ignore[no-untyped-call]
            return (if_true if bool(pred) else if_false)(*operands)

    def _array(tensor: Any) -> NDArray[Any]:
        wide = tensor.detach().to(torch.float64 if tensor.is_floating_point() else tensor.dtype)
        copy: NDArray[Any] = wide.cpu().numpy().copy()
        return copy

    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), _Record():  # type: ignore[no-untyped-call]
        compute()
    return yardstick
