"""What PyTorch does not check itself before it reads, counts or divides: arguments with which it would crash."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload

MAX_PARTS = 4096
"""Tensors that one operator may cut another into, or layers of a recurrent network."""

_COUNTED = ("chunk", "unsafe_chunk", "tensor_split", "dsplit", "hsplit", "vsplit")
_GATES = {"lstm": 4, "gru": 3, "rnn_tanh": 1, "rnn_relu": 1}
_DIVISIONS = ("div", "divide", "floor_divide", "remainder", "fmod")
_RECURRENT_ARGUMENTS = 9
_AXES = 3  # steps, rows, features


def check_call(call: Callable[..., Any], args: Sequence[Any]) -> None:
    """Refuse arguments for which PyTorch sets memory aside, reads beyond tensors, or stops the process.

    Args:
        call: what a node of a program calls.
        args: its arguments by position: tensors with or without values, numbers, lists of them.

    Raises:
        ValueError: an argument is none that any network has.
    """
    if not isinstance(call, OpOverload):
        return
    name = call.overloadpacket.__name__.removesuffix("_")
    if name in _COUNTED:
        large = [value for value in args[1:] if isinstance(value, int) and value > MAX_PARTS]
        if large:
            raise ValueError(f"{call} cuts into {large[0]} parts, but may cut into {MAX_PARTS}")
    elif name in _GATES:
        _check_recurrent(name, args)
    elif name == "_native_batch_norm_legit_no_training":
        channels = args[0].shape[1] if args[0].dim() > 1 else 0
        if any(each is not None and tuple(each.shape) != (channels,) for each in args[1:5]):
            raise ValueError(f"{call} must have weights and statistics of {channels} channels each")
    elif name in _DIVISIONS:
        _check_division(call, args)


def _check_division(call: OpOverload, args: Sequence[Any]) -> None:
    """The least whole number by -1 is beyond its type, for which processors stop the process."""
    known = [value for value in args[:2] if type(value) is Tensor or isinstance(value, int)]
    tensors = [value for value in known if isinstance(value, Tensor)]
    if len(known) < 2 or not tensors or any(value.is_floating_point() or value.is_complex() for value in tensors):
        return
    over, under = known
    least = {torch.iinfo(value.dtype).min for value in tensors if value.dtype != torch.bool}
    by_minus_one = bool((under == -1).any()) if isinstance(under, Tensor) else under == -1
    if by_minus_one and any(bool((torch.as_tensor(over) == value).any()) for value in least):
        raise ValueError(f"{call} divides the least whole number by -1")


def _check_recurrent(name: str, args: Sequence[Any]) -> None:
    """Weights of a recurrent network must have the sizes that its input and state say; its kernels trust them."""
    if len(args) < _RECURRENT_ARGUMENTS:
        raise ValueError(f"{name} must have {_RECURRENT_ARGUMENTS} arguments by position")
    given, state, weights, biased, layers, _, _, both_ways, batch_first = args[:_RECURRENT_ARGUMENTS]
    states = list(state) if isinstance(state, list | tuple) else [state]
    if len(states) != (2 if name == "lstm" else 1) or any(each.dim() != _AXES for each in (given, *states)):
        raise ValueError(f"{name} must have an input and states of three axes")
    if not isinstance(layers, int) or not 0 < layers <= MAX_PARTS:
        raise ValueError(f"{name} must have 1 to {MAX_PARTS} layers")
    rows, ways = given.shape[0 if batch_first else 1], 2 if both_ways else 1
    answers, hidden = states[0].shape[2], states[-1].shape[2]
    if any(tuple(each.shape[:2]) != (layers * ways, rows) for each in states):
        raise ValueError(f"{name} must have states of {layers * ways} layers and {rows} rows")
    gates, expected = _GATES[name] * hidden, []
    for layer in range(layers):
        read = given.shape[2] if layer == 0 else answers * ways
        one = [(gates, read), (gates, answers), *([(gates,)] * 2 if biased else [])]
        expected += [*one, *([(answers, hidden)] if answers != hidden else [])] * ways
    if [tuple(each.shape) for each in weights] != expected:
        raise ValueError(f"{name} must have weights that fit an input of {given.shape[2]} and a state of {hidden}")
