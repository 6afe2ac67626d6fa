"""Runs a captured program on its weights, within the memory and time that a stranger's program may take."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch._ops import OpOverload
from torch._subclasses.fake_tensor import FakeTensorMode

from vaeport.errors import BundleError

from .allowed import writes_in_place
from .calls import callable_of
from .costs import MAX_RUN_BYTES, Costs, Counting, storages
from .guards import check_call
from .program import Program
from .values import Place, decoded


class CapturedModule(nn.Module):
    """Runs a program on weights; parameters have the names that they have in the author's module.

    It computes in whatever type its weights and inputs have: after `.double()`, types that the program itself names
    below float64 are float64 too.
    """

    def __init__(self, program: Program, weights: Mapping[str, Tensor], *, bounded: bool = False) -> None:
        """Put weights into a program.

        Args:
            program: the operators.
            weights: by path, or by key where the program has one for the path; those of `program.tensors` at least.
            bounded: whether a run is refused that would take more memory or time than a stranger's program may, see
                `vaeport_parity.reference.costs`.

        Raises:
            BundleError: a weight is missing, or has a name that no module can have.
        """
        super().__init__()
        # Attributes of its own have names that no author uses: the author's names stand beside them.
        self._captured_program = program
        self._captured_calls = [callable_of(node.target) for node in program.nodes]
        self._captured_writes = [
            isinstance(call, OpOverload) and writes_in_place(call) for call in self._captured_calls
        ]
        self._captured_last = _last_uses(program)
        self._captured_bounded = bounded
        self._captured_costs: dict[Any, Costs] = {}
        made: dict[int, nn.Parameter] = {}
        for path in dict.fromkeys(program.tensors.values()):
            key = program.keys.get(path, path)
            if key not in weights:
                raise BundleError(f"the program needs the weight {key!r}, which is not there")
            try:
                _put(self, path, weights[key], None if path in program.buffers else made)
            except (KeyError, AttributeError, TypeError) as error:
                raise BundleError(f"no module can have a weight named {path!r}") from error

    def forward(self, *inputs: Any) -> Any:
        """Answers in the order of the program's outputs; one alone is no tuple.

        Args:
            inputs: tensors (and plain numbers, where the author's module takes such), in the program's order.

        Raises:
            ValueError: the program writes into a weight; or is bounded, and would take too much.
        """
        weights = {name: _get(self, path) for name, path in self._captured_program.tensors.items()}
        if not all(type(value) in (Tensor, nn.Parameter) for value in inputs if isinstance(value, Tensor)):
            return self._captured_run(inputs, weights, None, guarded=False)  # it is being traced
        if any(self._captured_writes):
            inputs = tuple(value.clone() if isinstance(value, Tensor) else value for value in inputs)
        if self.captured_bounded:
            self.captured_costs(inputs)
        return self._captured_run(inputs, weights, None)

    @property
    def captured_bounded(self) -> bool:
        """Whether a run that would take more than a stranger's program may is refused."""
        return self._captured_bounded

    def captured_costs(self, inputs: Sequence[Any]) -> Costs:
        """What a run on these inputs would take; nothing but shapes is computed.

        Args:
            inputs: as of `forward`.

        Raises:
            ProgramCostError: it is more than a stranger's program may take.
            Exception: the program cannot be run on these inputs, or its shapes depend on values.
        """
        key = tuple((value.shape, value.dtype) if isinstance(value, Tensor) else value for value in inputs)
        if key not in self._captured_costs:
            first = next((value for value in inputs if isinstance(value, Tensor)), None)
            rows = len(first) if first is not None and first.dim() else 1
            costs = Costs(rows, wide=first is not None and first.dtype == torch.float64)
            with torch.no_grad(), _quiet(), FakeTensorMode(allow_fallback_kernels=False) as mode:
                weights = {
                    name: mode.from_tensor(_get(self, path)) for name, path in self._captured_program.tensors.items()
                }
                given = [mode.from_tensor(value) if isinstance(value, Tensor) else value for value in inputs]
                costs.given = frozenset(each for each, _ in storages([*weights.values(), *given]))
                with Counting(costs):
                    self._captured_run(given, weights, costs)
            self._captured_costs[key] = costs
        return self._captured_costs[key]

    def captured_rows(self, inputs: Sequence[Tensor]) -> int:
        """How many rows of a batch may be run together within `MAX_RUN_BYTES`; all where the program is not bounded.

        Args:
            inputs: as of `forward`, each with the batch as its first axis.

        Raises:
            ProgramCostError: as of `captured_costs`.
        """
        rows = len(inputs[0]) if inputs and inputs[0].dim() else 1
        while self.captured_bounded and rows > 1:
            if self.captured_costs([value[:rows] for value in inputs]).peak <= MAX_RUN_BYTES:
                break
            rows //= 2
        return max(rows, 1)

    def _captured_run(
        self, inputs: Sequence[Any], weights: Mapping[str, Tensor], costs: Costs | None, *, guarded: bool = True
    ) -> Any:
        program = self._captured_program
        known: dict[str, Any] = dict(zip(program.inputs, inputs, strict=True)) | dict(weights)
        tensors = [value for value in known.values() if isinstance(value, Tensor)]
        place = Place(
            double=any(tensor.dtype == torch.float64 for tensor in tensors),
            device=tensors[0].device if tensors else None,
        )
        kept = {key for key, _ in storages(list(weights.values()))} if guarded and any(self._captured_writes) else set()
        steps = zip(program.nodes, self._captured_calls, self._captured_writes, self._captured_last, strict=True)
        with _default_type(torch.float64 if place.double else torch.get_default_dtype()):
            for node, call, writes, last in steps:
                args = [decoded(value, known, place) for value in node.args]
                if writes and any(key in kept for key, _ in storages(args[:1])):
                    raise ValueError(f"its operator {node.name!r} writes into a weight")
                if guarded:
                    check_call(call, args)
                known[node.name] = call(*args, **{k: decoded(v, known, place) for k, v in node.kwargs.items()})
                del args
                if costs is not None:
                    costs.hold(known[node.name])
                    for name in last:
                        costs.drop(known[name])
                for name in last:
                    del known[name]
            answers = tuple(decoded(value, known, place) for value in program.results)
        return answers if len(answers) > 1 else answers[0]


def _last_uses(program: Program) -> list[tuple[str, ...]]:
    """For each node the results that nothing behind it reads, so that their memory can go."""
    last = {node.name: index for index, node in enumerate(program.nodes)}
    for index, node in enumerate(program.nodes):
        last |= {name: index for name in _references((*node.args, *node.kwargs.values())) if name in last}
    for name in _references(program.results):
        last.pop(name, None)
    ends: list[list[str]] = [[] for _ in program.nodes]
    for name, index in last.items():
        ends[index].append(name)
    return [tuple(names) for names in ends]


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, list | tuple):
        for inner in value:
            yield from _references(inner)
    elif isinstance(value, dict) and "ref" in value:
        yield value["ref"]


@contextmanager
def _default_type(dtype: torch.dtype) -> Iterator[None]:
    """Inside, tensors made without a type have this one."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@contextmanager
def _quiet() -> Iterator[None]:
    """Inside, PyTorch does not log what it cannot compute; that is said in one sentence."""
    logger = logging.getLogger("torch._subclasses.fake_tensor")
    before, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = before


def _put(module: nn.Module, path: str, tensor: Tensor, made: dict[int, nn.Parameter] | None) -> None:
    """Register a tensor under its path: a buffer without `made`, else a parameter, one for tied weights."""
    *outer, leaf = path.split(".")
    for name in outer:
        if name not in dict(module.named_children()):
            module.add_module(name, nn.Module())
        module = module.get_submodule(name)
    if made is None:
        module.register_buffer(leaf, tensor.detach())
    else:
        parameter = made.setdefault(id(tensor), nn.Parameter(tensor.detach(), requires_grad=False))
        module.register_parameter(leaf, parameter)


def _get(module: nn.Module, path: str) -> Tensor:
    outer, _, leaf = path.rpartition(".")
    tensor: Tensor = getattr(module.get_submodule(outer), leaf)
    return tensor
