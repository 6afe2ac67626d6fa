"""A device that is none: tensors that say they are on `meta` and hold their data all the same.

Inside the mode, moving a tensor to `meta` makes it one of these. An operation on some of them and on a plain tensor of
the CPU is refused, as a GPU refuses it; so are `numpy()` and PyTorch's own CPU-only code. What a GPU computes is not
shown by it, only that nothing is left behind on the CPU.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map

PLACE = torch.device("meta")
_BETWEEN = {torch.ops.aten.copy_.default, torch.ops.aten._to_copy.default}
"""Operations that move data from one device to another."""


class Elsewhere(Tensor):
    """A tensor on the device that is none."""

    held: Tensor

    @staticmethod
    def __new__(cls, inner: Tensor) -> "Elsewhere":
        made: Elsewhere = torch.Tensor._make_wrapper_subclass(
            cls,
            inner.shape,
            strides=inner.stride(),
            storage_offset=inner.storage_offset(),
            dtype=inner.dtype,
            device=PLACE,
        )
        made.held = inner
        return made

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # type: ignore[override]
        return run(func, args, kwargs or {})


@contextmanager
def device_elsewhere() -> Iterator[None]:
    """Let tensors be made on the device, or moved there."""
    with _Device():  # type: ignore[no-untyped-call]
        yield


class _Device(TorchDispatchMode):  # type: ignore[no-untyped-call]
    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return run(func, args, kwargs or {})


def run(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """Run an operation on the data, and say where the result is."""
    wrappers: dict[int, Elsewhere] = {}
    plain: list[Tensor] = []

    def unwrap(value: Any) -> Any:
        if isinstance(value, Elsewhere):
            wrappers[id(value.held)] = value
            return value.held
        if isinstance(value, Tensor) and value.ndim:
            plain.append(value)
        return value

    args, kwargs = tree_map(unwrap, (args, kwargs))
    if wrappers and plain and func not in _BETWEEN:
        raise RuntimeError(f"{func}: a tensor of the CPU {list(plain[0].shape)} meets one that is elsewhere")
    there = bool(wrappers)
    if kwargs.get("device") is not None:
        there = torch.device(kwargs["device"]) == PLACE
        kwargs["device"] = torch.device("cpu")
    results = func(*args, **kwargs)

    def wrap(value: Any) -> Any:
        if not isinstance(value, Tensor):
            return value
        if id(value) in wrappers:
            return wrappers[id(value)]
        return Elsewhere(value) if there and not any(value is each for each in plain) else value

    return tree_map(wrap, results)
