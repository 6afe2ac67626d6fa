"""What running a stranger's program would cost, found with tensors that have shapes and no memory."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from .guards import MAX_PARTS

MAX_ROW_BYTES = 128 * 2**20
"""Memory that a bundle's program may need at once for one row of a batch; its weights are not counted."""
MAX_RUN_BYTES = 2**28
"""Memory that a run over a batch may need; larger batches are run in parts."""
MAX_ROW_WORK = 5 * 10**10
"""Operations that a bundle's program may take for one row: six times those of a ResNet-50."""
MAX_CALLS = 8_000
"""Operators that a run may come down to; a recurrent layer takes some for each step."""

_ELEMENT_WORK = 100  # of a value that is read or written: memory is slower than arithmetic
_SLOW = 50  # times that products of other types than float32 and float64 take
_CUBIC_WORK = 30  # of decompositions, times the cube
_CUTS = ("unbind", "unbind_copy", "split", "split_copy", "unsafe_split")
_CUBIC = ("linalg_", "_linalg_", "cholesky", "det", "inverse", "pinverse", "logdet", "slogdet", "matrix_exp")
_FAST = (torch.float32, torch.float64)


class ProgramCostError(ValueError):
    """A program needs more memory or time than it may."""


@dataclass
class Costs:
    """What a run took, as far as it came."""

    rows: int
    """Rows of the batch."""
    wide: bool
    """Whether it computes in float64."""
    peak: int = 0
    """Bytes that it needs at once."""
    work: int = 0
    """Operations, weighted by how slow they are."""
    calls: int = 0
    """Operators that it came down to."""
    given: frozenset[int] = frozenset()
    """Identities of memory that is there anyhow: that of weights and inputs."""
    _fresh: int = 0
    _held: dict[int, list[int]] = field(default_factory=dict)
    _live: int = 0

    @property
    def allowed_bytes(self) -> int:
        """Bytes that it may need at once."""
        return (2 if self.wide else 1) * MAX_ROW_BYTES * max(self.rows, 1)

    def spend(self, *, made: int = 0, work: int = 0) -> None:
        """Count what an operator takes.

        Args:
            made: bytes of new tensors.
            work: operations.

        Raises:
            ProgramCostError: it is too much.
        """
        self._fresh += made
        self.peak = max(self.peak, self._live + self._fresh)
        self.work += work
        self.calls += 1
        if self.peak > self.allowed_bytes:
            raise ProgramCostError(
                f"it needs {self.peak / 2**20:.0f} MiB for {self.rows} rows, but may need "
                f"{self.allowed_bytes / 2**20:.0f} MiB"
            )
        if self.work > MAX_ROW_WORK * max(self.rows, 1):
            raise ProgramCostError(f"it takes more than {MAX_ROW_WORK:.0e} operations for each of {self.rows} rows")
        if self.calls > MAX_CALLS:
            raise ProgramCostError(f"it comes down to more than {MAX_CALLS} operators")

    def hold(self, value: Any) -> None:
        """A result is kept from now on."""
        for key, size in storages(value):
            if key in self.given:
                continue
            entry = self._held.setdefault(key, [0, size])
            entry[0] += 1
            if entry[0] == 1:
                self._live += size
        self._fresh = 0

    def drop(self, value: Any) -> None:
        """A result is not needed any longer."""
        for key, _ in storages(value):
            if key in self.given:
                continue
            entry = self._held[key]
            entry[0] -= 1
            if not entry[0]:
                self._live -= entry[1]
                del self._held[key]


class Counting(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch has no types here
    """Counts what the operators inside would take, above a mode that computes shapes only.

    Args:
        costs: where it is counted.
    """

    def __init__(self, costs: Costs) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.costs = costs

    def __torch_dispatch__(
        self,
        func: OpOverload,
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Run the operator on shapes, and count it."""
        given = kwargs or {}
        _check_cut(func, args)
        inputs = [leaf for leaf in tree_leaves((args, given)) if isinstance(leaf, Tensor)]
        known = {key for tensor in inputs for key, _ in storages(tensor)}
        answer = func(*args, **given)
        outputs = [leaf for leaf in tree_leaves(answer) if isinstance(leaf, Tensor)]
        new = {key: size for tensor in outputs for key, size in storages(tensor) if key not in known}
        name = func.overloadpacket.__name__
        if not new and not name.endswith("_"):  # a view
            self.costs.spend()
            return answer
        work = _ELEMENT_WORK * sum(tensor.numel() for tensor in (*inputs, *outputs))
        work += _products(func, args, given, answer, inputs)
        self.costs.spend(made=sum(new.values()) + _workspace(name, args, answer), work=work)
        return answer


def storages(value: Any) -> Iterator[tuple[int, int]]:
    """Identity and bytes of the memory that tensors lie in, each tensor's own."""
    for leaf in tree_leaves(value):
        if isinstance(leaf, Tensor):
            storage = leaf.untyped_storage()
            yield storage._cdata, storage.nbytes()  # noqa: SLF001 - the only identity that storages of fakes have


def _check_cut(func: OpOverload, args: Sequence[Any]) -> None:
    """Refuse to cut a tensor into countless ones: a view of a billion rows takes no memory, its rows do."""
    if func.overloadpacket.__name__ not in _CUTS or not isinstance(args[0], Tensor):
        return
    size = max(args[0].shape, default=0)
    step = args[1] if "split" in func.overloadpacket.__name__ and len(args) > 1 else 1
    if isinstance(step, int) and size > MAX_PARTS * max(step, 1):
        raise ProgramCostError(f"it cuts a tensor of {list(args[0].shape)} into more than {MAX_PARTS}")


def _products(
    func: OpOverload, args: Sequence[Any], kwargs: Mapping[str, Any], answer: Any, inputs: Sequence[Tensor]
) -> int:
    """Operations of what takes more than its tensors have values."""
    name = func.overloadpacket.__name__
    formula: Callable[..., int] | None = flop_registry.get(func.overloadpacket)
    if formula is not None:
        slow = 1 if all(tensor.dtype in _FAST for tensor in inputs) else _SLOW
        return slow * int(formula(*args, **kwargs, out_val=answer))
    first = answer[0] if isinstance(answer, tuple | list) else answer
    size = first.numel() if isinstance(first, Tensor) else 0
    if "pool" in name and "adaptive" not in name:
        return _ELEMENT_WORK * size * math.prod(int(side) for side in _sides(args[1], args[0].dim()))
    if name == "mkldnn_rnn_layer":  # steps, rows, features; then the weights of input and state
        return 2 * int(math.prod(args[0].shape[:2])) * (inputs[1].numel() + inputs[2].numel())
    if name.startswith("_scaled_dot_product"):
        return int(4 * inputs[0].numel() * inputs[1].shape[-2])
    if name in ("_trilinear", "bilinear"):
        return _ELEMENT_WORK * math.prod(max(tensor.numel(), 1) for tensor in inputs[:3])
    if name in ("_cdist_forward", "cdist", "_euclidean_dist"):
        return _ELEMENT_WORK * size * max(inputs[0].shape[-1], 1)
    if name.startswith(_CUBIC):
        return _CUBIC_WORK * sum(tensor.numel() * max(tensor.shape, default=1) for tensor in inputs)
    return 0


def _sides(kernel: Any, rank: int) -> list[int]:
    sides = list(kernel) if isinstance(kernel, list | tuple) else [kernel]
    return sides if len(sides) > 1 else sides * max(rank - 2, 1)


def _workspace(name: str, args: Sequence[Any], answer: Any) -> int:
    """Bytes that a convolution spreads its patches out in, where it has no kernel that reads them in place."""
    if name != "convolution" or not isinstance(answer, Tensor) or args[0].dtype == torch.float32:
        return 0
    given, weight, transposed = args[0], args[1], args[6]
    places = given if transposed else answer
    patch = math.prod(weight.shape[1:])
    return int(len(given) * math.prod(places.shape[2:]) * patch * given.element_size())
