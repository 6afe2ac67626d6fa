"""What the nodes of a captured program call: PyTorch's operators that are allowed, and arithmetic on sizes."""

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload

from vaeport.errors import CheckFailedError

from .allowed import overload_of

_SUMS = ["add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "neg", "pos", "abs"]  # of `operator`
_COMPARISONS = ["eq", "ne", "lt", "le", "gt", "ge", "and_", "or_", "not_", "xor"]  # of `operator`
_SYMBOLIC = ["sym_int", "sym_float", "sym_max", "sym_min", "sym_not", "sym_ite", "sym_sum"]  # of `torch`
_ROUNDING = ["ceil", "floor", "sqrt", "trunc"]  # of `math`

_ARITHMETIC: dict[str, Callable[..., Any]] = {
    **{name: getattr(operator, name) for name in (*_SUMS, *_COMPARISONS, "getitem")},
    **{f"math.{name}": getattr(math, name) for name in _ROUNDING},
    **{name: getattr(torch, name) for name in _SYMBOLIC if hasattr(torch, name)},
}
"""Operators on sizes, and the one that takes a result apart, by their names in the file."""

_MOST_EXPONENT = 64


def target_name(target: Any) -> str:
    """The name under which a program keeps what a captured node calls.

    Raises:
        CheckFailedError: it is no operator of PyTorch.
    """
    if isinstance(target, OpOverload):
        return str(target)
    name = next((name for name, known in _ARITHMETIC.items() if known is target), None)
    if name is None:
        raise CheckFailedError(
            f"the network uses {getattr(target, '__name__', target)}, control flow or an operator of another library, "
            "which cannot be kept as data; write it with PyTorch's own operators"
        )
    return name


def check_target(target: Any, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
    """Refuse what makes a reference useless: randomness, and operators that are not PyTorch's.

    Args:
        target: what a node calls.
        name: its name.
        args: arguments by position, of a captured node or of a file.
        kwargs: the same, by name.

    Raises:
        CheckFailedError: one sentence.
    """
    if name in _ARITHMETIC:
        return
    if (
        isinstance(target, OpOverload)
        and torch.Tag.nondeterministic_seeded in target.tags
        and not _is_idle_dropout(name, args, kwargs)
    ):
        what = "dropout in training mode; call .eval()" if "dropout" in name else "randomness; sample outside of it"
        raise CheckFailedError(f"the network has {what} (operator {name})")
    if overload_of(name) is None:
        raise CheckFailedError(
            f"the network uses the operator {name}, which cannot be kept as data: only PyTorch's own operators (aten) "
            "that compute on tensors can; write it with those"
        )
    if name.startswith("aten.batch_norm.") and args[5]:
        raise CheckFailedError(
            "the network has BatchNorm in training mode; call .eval()"
            if args[3] is not None
            else "the network has BatchNorm without running statistics, so that rows of a batch change each other; "
            "use track_running_stats=True"
        )
    if name.startswith("aten.instance_norm.") and args[5] and (args[3] is not None or args[4] is not None):
        raise CheckFailedError("the network has InstanceNorm in training mode; call .eval()")


def _is_idle_dropout(name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
    """Whether a random operator does nothing random: dropout outside training, attention or a recurrent net without."""
    if name.startswith(("aten.dropout.", "aten.feature_dropout.", "aten.alpha_dropout.")):
        return (args[2] if len(args) > 2 else kwargs.get("train")) is False
    if name.startswith("aten.scaled_dot_product_attention."):
        return not (args[4] if len(args) > 4 else kwargs.get("dropout_p", 0.0))
    if name.startswith(("aten.gru.input", "aten.lstm.input", "aten.rnn_")):
        return not (args[5] and args[6])  # dropout between layers, and whether it is in training
    return name.startswith("aten.rrelu.") and (args[3] if len(args) > 3 else kwargs.get("training", False)) is False


def callable_of(target: str) -> Callable[..., Any]:
    """What a node calls.

    Args:
        target: its name in the file.

    Raises:
        ValueError: no such operator, or one that is not allowed.
    """
    if target in _ARITHMETIC:
        return _item if target == "getitem" else _on_numbers(_ARITHMETIC[target])
    overload = overload_of(target)
    if overload is None:
        raise ValueError(f"the operator {target!r:.100} is not known or not allowed")
    return overload


def _item(values: Any, index: Any) -> Any:
    """One of several results; tensors have operators of their own for that."""
    if not isinstance(values, list | tuple) or not isinstance(index, int):
        raise TypeError("getitem takes one of an operator's results by its number")
    return values[index]


def _on_numbers(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function for numbers only: on lists and texts, `mul` and `add` fill the memory."""

    def called(*args: Any) -> Any:
        flat = args[0] if function is getattr(torch, "sym_sum", None) else args
        others = [value for value in flat if isinstance(value, list | tuple | str | dict | Tensor)]
        if others:
            raise ValueError(f"{function.__name__} is for numbers, not for {type(others[0]).__name__}")
        if function is operator.pow and isinstance(args[1], int) and args[1] > _MOST_EXPONENT:
            raise ValueError(f"an exponent of {args[1]} is above {_MOST_EXPONENT}")
        value = function(*args)
        if type(value) is int and not -(2**63) <= value < 2**63:
            raise ValueError(f"{function.__name__} gives a whole number beyond 64 bits")
        return value

    return called
