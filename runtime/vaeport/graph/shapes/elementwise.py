"""Operators that answer one element for each element, after the inputs' shapes are brought together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..limits import MAX_KNOWN_VALUES
from ..tensors import BOOL, FLOAT16, INTEGER_TYPES, NUMPY_TYPES, TYPE_NAMES, type_name
from .call import ELEMENT_STEPS, Call, Known, numpy_type

Compute = Callable[..., NDArray[Any]]


def same(call: Call) -> Known:
    """One input, one output of its shape and type."""
    call.work += _STEPS.get(call.node.op_type, 0) * call.input(0).size
    return _with_value(call, call.like(), [call.input(0)])


def same_or_more(call: Call) -> Known:
    """Like `same`, of an operator whose further inputs are numbers that do not touch the shape (Clip)."""
    for index in range(1, len(call.inputs)):
        if call.given(index) and call.input(index).size != 1:
            call.fail(f"takes one number as input {index}, but has the shape {list(call.input(index).shape)}")
    return call.like()


def predicate(call: Call) -> Known:
    """One input, one output of bools (IsNaN, IsInf)."""
    return call.like(dtype=BOOL)


def binary(call: Call) -> Known:
    """Two inputs that are brought together; the type of the first."""
    first, second = call.input(0), call.input(1)
    if first.shape != second.shape and call.node.op_type == "PRelu":
        call.expand_to(second.shape, first.shape)
    shape = call.broadcast(first.shape, second.shape)
    answer = call.like(0, shape)
    call.work += _STEPS.get(call.node.op_type, 0) * answer.size
    return _with_value(call, answer, [first, second])


def divide(call: Call) -> Known:
    """Div and Mod: integers end the process where the divisor is zero, or -1 under the lowest number."""
    first, second = call.input(0), call.input(1)
    if first.dtype in INTEGER_TYPES and first.size and second.size:
        divisor = second.value
        if divisor is None:
            call.fail("divides integers by numbers that are not known before it runs; it could divide by zero")
        if not divisor.all():
            call.fail("divides integers by zero")
        if np.any(divisor == -1) and np.issubdtype(divisor.dtype, np.signedinteger):
            dividend = first.value
            if dividend is None or np.any(dividend == np.iinfo(dividend.dtype).min):
                call.fail("divides integers by -1, which overflows for the lowest one")
    if call.flag("fmod") and first.dtype in INTEGER_TYPES:
        return call.like(0, call.broadcast(first.shape, second.shape))
    return binary(call)


def comparison(call: Call) -> Known:
    """Two inputs that are brought together; bools."""
    first, second = call.input(0), call.input(1)
    shape = call.broadcast(first.shape, second.shape)
    return _with_value(call, call.like(0, shape, dtype=BOOL), [first, second])


def variadic(call: Call) -> Known:
    """Any number of inputs that are brought together (Max, Min, Sum, Mean)."""
    inputs = [call.input(index) for index in range(len(call.inputs))]
    shape = call.broadcast(*(known.shape for known in inputs))
    answer = call.like(0, shape)
    call.work += ELEMENT_STEPS * len(inputs) * answer.size
    return _with_value(call, answer, inputs)


def where(call: Call) -> Known:
    """Where: a condition and two choices."""
    condition, yes, no = call.input(0), call.input(1), call.input(2)
    if condition.dtype != BOOL:
        call.fail(f"takes bools as its condition, but has {type_name(condition.dtype)}")
    shape = call.broadcast(condition.shape, yes.shape, no.shape)
    return _with_value(call, call.like(1, shape), [condition, yes, no])


def cast(call: Call) -> Known:
    """Cast to the type `to`."""
    dtype = call.number("to", 0)
    if dtype not in TYPE_NAMES or dtype == _STRING:
        call.fail(f"converts to {type_name(dtype)}, which is not allowed")
    answer, value = call.like(dtype=dtype), call.input(0).value
    target = numpy_type(dtype)
    if value is None or target is None:
        return answer
    with np.errstate(all="ignore"):
        converted = value.astype(target)
        whole = np.trunc(value) if target.kind in "iu" and value.dtype.kind == "f" else value
        exact = target.kind == "b" or np.array_equal(converted.astype(whole.dtype), whole)
    # What becomes of a number that the new type does not have is the processor's affair, or that of an optimisation.
    return Known(dtype, answer.shape, value=converted if exact else None)


def cast_like(call: Call) -> Known:
    """CastLike: the first input in the type of the second."""
    return call.like(dtype=call.input(1).dtype)


def dropout(call: Call) -> list[Known | None]:
    """Dropout: the identity, and a mask of bools; in training it would be random."""
    if call.given(2):
        training = call.input(2).value
        if training is None or training.any():
            call.fail("is in training mode, so its answers would be random")
    return [call.like(), call.like(dtype=BOOL)]


def _with_value(call: Call, answer: Known, inputs: list[Known]) -> Known:
    """The answer with its values, if those of all inputs are known and there are few."""
    compute = _COMPUTE.get(call.node.op_type)
    if compute is None:
        return answer
    values = []
    for known in inputs:
        value = known.value
        if value is None or (value.dtype.kind in "iu" and np.any((value <= -_FAR) | (value >= _FAR))):
            return answer
        values.append(value)
    if answer.size > MAX_KNOWN_VALUES or answer.dtype not in NUMPY_TYPES:
        return answer
    if answer.dtype == FLOAT16 or (call.node.op_type == "Div" and values[0].dtype.kind == "f"):
        return answer  # onnxruntime may leave out a rounding, or merge a quotient into a product
    with np.errstate(all="ignore"):
        value = np.asarray(compute(*values)).astype(numpy_type(answer.dtype), copy=False)
        if not _certain(value, compute, values):
            return answer
    return Known(answer.dtype, answer.shape, value=value.reshape(answer.shape))


def _certain(value: NDArray[Any], compute: Compute, values: list[NDArray[Any]]) -> bool:
    """Whether every kernel computes this: numbers are finite, and integers far from the ends of their type."""
    if value.dtype.kind == "f":
        return bool(np.isfinite(value).all())
    if value.dtype.kind == "b" or compute not in _ARITHMETIC:
        return True
    limits, estimate = np.iinfo(value.dtype), compute(*(known.astype(np.float64) for known in values))
    span = float(limits.max) * 0.999  # float64 is not exact up there
    return bool(np.all((estimate <= span) & (estimate >= (-span if limits.min else 0.0))))


def _quotient(a: NDArray[Any], b: NDArray[Any]) -> NDArray[Any]:
    """Div of integers as C++ has it: cut towards zero."""
    quotient = a // b
    inexact = (quotient * b != a) & ((a < 0) != (b < 0))
    return np.asarray(quotient + inexact)


def _sum(*values: NDArray[Any]) -> NDArray[Any]:
    total = values[0]
    for value in values[1:]:
        total = total + value
    return total


def _largest(*values: NDArray[Any]) -> NDArray[Any]:
    top = values[0]
    for value in values[1:]:
        top = np.maximum(top, value)
    return top


def _smallest(*values: NDArray[Any]) -> NDArray[Any]:
    low = values[0]
    for value in values[1:]:
        low = np.minimum(low, value)
    return low


_STRING = 8
_FAR = 2**30
"""Integers are followed below it: Max and Min of onnxruntime 1.31 are wrong for int64 from 2^31 on."""
_ARITHMETIC = frozenset((np.add, np.subtract, np.multiply, np.negative, np.abs, _sum))
"""What can leave the range of integers."""
_COMPUTE: dict[str, Compute] = {
    "Add": np.add,
    "Sub": np.subtract,
    "Mul": np.multiply,
    "Div": _quotient,
    "Mod": np.mod,
    "Max": _largest,
    "Min": _smallest,
    "Sum": _sum,
    "Neg": np.negative,
    "Abs": np.abs,
    "Floor": np.floor,
    "Ceil": np.ceil,
    "Sqrt": np.sqrt,
    "Identity": np.array,
    "Not": np.logical_not,
    "And": np.logical_and,
    "Or": np.logical_or,
    "Xor": np.logical_xor,
    "Equal": np.equal,
    "Less": np.less,
    "LessOrEqual": np.less_equal,
    "Greater": np.greater,
    "GreaterOrEqual": np.greater_equal,
    "Where": np.where,
}
"""What is followed by value: the arithmetic that graphs do on shapes."""

_STEPS = {
    **dict.fromkeys(("Erf", "Exp", "Log", "Sigmoid", "Tanh", "Gelu", "Swish", "Elu", "Selu", "Celu", "Sqrt"), 32),
    **dict.fromkeys(("Sin", "Cos", "Asin", "Acos", "Atan", "Round"), 128),
    **dict.fromkeys(("Tan", "Sinh", "Cosh", "Asinh", "Acosh", "Atanh", "Mish", "Softplus", "Pow", "Mod"), 640),
}
"""Steps an element of the operators that take more than writing it: functions of the mathematics library."""
