"""A PyTorch network as data: the operators that torch.export captures, as JSON, beside its weights as safetensors.

A bundle carries its PyTorch original in this form, so that everybody can compare with it without the author's code.
The `.pt2` archive of `torch.export.save` would not do for files from strangers: its reader unpickles what the archive
tells it to (`weights_only=False`), evaluates shape expressions as Python (sympy.sympify), and refuses archives of other
schema versions. Here nothing is unpickled or evaluated: a file names operators of `aten` and a few of arithmetic, their
arguments are plain values, and running it calls them one after the other.
"""

import dataclasses
import json
import logging
import math
import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch._ops import OpOverload
from torch._subclasses.fake_tensor import FakeTensorMode

from vaeport.common.strict_json import parse_strict
from vaeport.errors import BundleError, CheckFailedError

from .allowed import check_arguments, overload_of, writes_in_place
from .costs import MAX_RUN_BYTES, Costs, Counting, storages
from .guards import check_call

FORMAT = 1

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

_DROPPED = ("aten._assert", "aten.sym_constrain_range", "aten._print")
"""Operators that check or print and compute nothing; their checks name types that float64 does not have."""

_MOST_EXPONENT = 64

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PATH = re.compile(r"[^.\x00-\x1f]+(\.[^.\x00-\x1f]+)*")  # parts may have any name: `0.weight`, `a-b.weight`
_OUTPUT = re.compile(r"[^\x00-\x1f]+")  # the graph's own name for it
_FLOATS = (torch.float16, torch.bfloat16, torch.float32)
_DTYPES = {
    str(dtype).removeprefix("torch."): dtype
    for dtype in (*_FLOATS, torch.float64, torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)
}
_LAYOUTS = {"strided": torch.strided}
_MEMORY = {
    str(kind).removeprefix("torch."): kind
    for kind in (torch.contiguous_format, torch.preserve_format, torch.channels_last, torch.channels_last_3d)
}
MAX_PROGRAM_BYTES = 8 * 2**20
"""A file of a captured program; an operator takes about 150 bytes."""
MAX_NODES = 8_000
"""Operators of a captured program."""

_MOST_PARTS = 32  # of a weight's path: as deep as modules may lie in one another


@dataclass(frozen=True)
class Node:
    """One operator of a program."""

    name: str
    """Name of its result."""
    target: str
    """`aten.linear.default` for instance, or a key of the arithmetic."""
    args: tuple[Any, ...]
    """Plain values; results of other nodes are `{"ref": name}`, see `_encoded`."""
    kwargs: dict[str, Any]
    """The same, by name."""


@dataclass(frozen=True)
class Program:
    """A network without its weights."""

    inputs: tuple[str, ...]
    """Names of the inputs, in the order in which they are given."""
    outputs: tuple[str, ...]
    """Names of the outputs."""
    tensors: dict[str, str]
    """Path of each parameter, buffer or constant in the module, by its name in the nodes."""
    buffers: tuple[str, ...]
    """Paths of those that are no parameters."""
    nodes: tuple[Node, ...]
    """Operators in the order in which they run."""
    results: tuple[Any, ...]
    """What is answered, one an output."""
    keys: dict[str, str] = field(default_factory=dict)
    """Key in the file of weights, by path, where the file has another name than the module."""

    def to_json(self) -> str:
        """Text of the file; equal programs are equal texts."""
        return json.dumps({"format": FORMAT, **dataclasses.asdict(self)}, indent=None, separators=(",", ":")) + "\n"


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
        self._captured_calls = [_callable(node.target) for node in program.nodes]
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
        place = _Place(
            double=any(tensor.dtype == torch.float64 for tensor in tensors),
            device=tensors[0].device if tensors else None,
        )
        kept = {key for key, _ in storages(list(weights.values()))} if guarded and any(self._captured_writes) else set()
        steps = zip(program.nodes, self._captured_calls, self._captured_writes, self._captured_last, strict=True)
        with _default_type(torch.float64 if place.double else torch.get_default_dtype()):
            for node, call, writes, last in steps:
                args = [_decoded(value, known, place) for value in node.args]
                if writes and any(key in kept for key, _ in storages(args[:1])):
                    raise ValueError(f"its operator {node.name!r} writes into a weight")
                if guarded:
                    check_call(call, args)
                known[node.name] = call(*args, **{k: _decoded(v, known, place) for k, v in node.kwargs.items()})
                del args
                if costs is not None:
                    costs.hold(known[node.name])
                    for name in last:
                        costs.drop(known[name])
                for name in last:
                    del known[name]
            answers = tuple(_decoded(value, known, place) for value in program.results)
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


@dataclass(frozen=True)
class _Place:
    """In which type and where a program computes."""

    double: bool = False
    """Whether float64 takes the place of narrower types."""
    device: torch.device | None = None
    """Where new tensors are made; None for PyTorch's default."""


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


def program_of(exported: "torch.export.ExportedProgram", outputs: Sequence[str]) -> tuple[Program, dict[str, Tensor]]:
    """A captured program as data.

    Args:
        exported: what `torch.export.export` captured.
        outputs: names for its outputs, in their order.

    Returns:
        The program, and its weights by path, on the CPU.

    Raises:
        CheckFailedError: the program has something that cannot be kept as data: an operator of another library, control
            flow, randomness, or another number of outputs.
    """
    signature = exported.graph_signature
    paths = {
        **signature.inputs_to_parameters,
        **signature.inputs_to_buffers,
        **signature.inputs_to_lifted_tensor_constants,
    }
    nodes: list[Node] = []
    inputs: list[str] = []
    tensors: dict[str, str] = {}
    results: tuple[Any, ...] = ()
    for node in exported.graph.nodes:
        if node.op == "placeholder":
            if node.name in paths:
                tensors[node.name] = paths[node.name]
            elif node.name in signature.user_inputs:
                inputs.append(node.name)
        elif node.op == "output":
            results = tuple(_encoded(value) for value in node.args[0])[-len(signature.user_outputs) :]
        elif node.op == "call_function":
            target = _target_name(node.target)
            if not target.startswith(_DROPPED):
                _check_target(node.target, target, node.args, node.kwargs)
                args = tuple(_encoded(value) for value in node.args)
                nodes.append(Node(node.name, target, args, {k: _encoded(v) for k, v in node.kwargs.items()}))
        else:
            raise CheckFailedError(f"the network calls {node.target} in a way that cannot be kept as data ({node.op})")
    if len(results) != len(outputs):
        raise CheckFailedError(
            f"the network gives {len(results)} outputs, expected {len(outputs)}: {', '.join(outputs)}"
        )
    known = {**exported.state_dict, **exported.constants}
    weights = _weights({path: known[path] for path in tensors.values()})
    buffers = tuple(path for name, path in tensors.items() if name not in signature.inputs_to_parameters)
    return Program(tuple(inputs), tuple(outputs), tensors, buffers, tuple(nodes), results), weights


def _weights(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """On the CPU and without gradients; tied weights are one tensor."""
    made: dict[tuple[Any, ...], Tensor] = {}
    places = {path: (w.data_ptr(), w.dtype, w.shape, w.stride(), path * (not w.numel())) for path, w in tensors.items()}
    return {path: made.setdefault(places[path], tensor.detach().cpu()) for path, tensor in tensors.items()}


def parse_program(content: bytes, where: str) -> Program:
    """Read the text of a program from anybody.

    Args:
        content: the file.
        where: its name, for messages.

    Raises:
        BundleError: it is no program of this format, or names an operator that is not allowed.
    """
    try:
        values = parse_strict(content, most=MAX_PROGRAM_BYTES)
        if not isinstance(values, dict):
            raise ValueError("it must be a JSON object")  # noqa: TRY301, TRY004 - said below, as all that is wrong
        return _program(values)
    except KeyError as error:
        raise BundleError(
            f"{where} is no captured program: it lacks {error}, or knows no such kind of value"
        ) from error
    except (ValueError, TypeError, AttributeError, IndexError, CheckFailedError) as error:
        raise BundleError(f"{where} is no captured program: {' '.join(str(error).split())[:200]}") from error


def _program(values: Mapping[str, Any]) -> Program:
    if values["format"] != FORMAT:
        raise ValueError(f"its format is {values['format']!r}, this vaeport reads format {FORMAT} only")
    program = Program(
        inputs=tuple(_checked(name, _NAME) for name in values["inputs"]),
        outputs=tuple(_checked(name, _OUTPUT) for name in values["outputs"]),
        tensors={_checked(name, _NAME): _checked_path(path) for name, path in values["tensors"].items()},
        buffers=tuple(_checked(path, _PATH) for path in values["buffers"]),
        nodes=tuple(_node(node) for node in values["nodes"][:MAX_NODES]),
        results=tuple(values["results"]),
        keys={_checked(path, _PATH): _checked(key, _PATH) for path, key in values["keys"].items()},
    )
    _check_order(program, values)
    return program


def _node(values: Mapping[str, Any]) -> Node:
    node = Node(
        _checked(values["name"], _NAME), str(values["target"]), tuple(values["args"]), dict(values["kwargs"].items())
    )
    for name in node.kwargs:
        _checked(name, _NAME)
    call = _callable(node.target)
    if isinstance(call, OpOverload):
        check_arguments(call, node.args, node.kwargs)
        _check_target(call, node.target, node.args, node.kwargs)
    elif node.kwargs:
        raise ValueError(f"{node.target} takes no arguments by name")
    return node


def _check_order(program: Program, values: Mapping[str, Any]) -> None:
    """Every name is made once, before it is read."""
    if len(values["nodes"]) > MAX_NODES or len(program.results) != len(program.outputs):
        raise ValueError("it has too many operators, or not one result for each output")
    known = {*program.inputs, *program.tensors}
    for node in program.nodes:
        _check_values((*node.args, *node.kwargs.values()), known)
        known.add(node.name)
    _check_values(program.results, known)
    if any(isinstance(result, str | list) for result in program.results):
        raise ValueError("a result must be what a node made, or a number")
    if len(known) != len(program.inputs) + len(program.tensors) + len(program.nodes):
        raise ValueError("a name is made twice")


def _check_values(value: Any, known: set[str]) -> None:
    if isinstance(value, list | tuple):
        for inner in value:
            _check_values(inner, known)
    elif isinstance(value, dict) and set(value) == {"ref"}:
        if value["ref"] not in known:
            raise ValueError(f"{value['ref']!r} is read before it is made")
    else:
        _decoded(value, {}, _Place())


def _checked(text: Any, pattern: re.Pattern[str]) -> str:
    if not isinstance(text, str) or not pattern.fullmatch(text):
        raise ValueError(f"{text!r:.80} is no name")
    return text


def _checked_path(path: Any) -> str:
    if _checked(path, _PATH).count(".") >= _MOST_PARTS:
        raise ValueError(f"{path[:60]!r} lies deeper than {_MOST_PARTS} modules")
    return str(path)


def _target_name(target: Any) -> str:
    if isinstance(target, OpOverload):
        return str(target)
    name = next((name for name, known in _ARITHMETIC.items() if known is target), None)
    if name is None:
        raise CheckFailedError(
            f"the network uses {getattr(target, '__name__', target)}, control flow or an operator of another library, "
            "which cannot be kept as data; write it with PyTorch's own operators"
        )
    return name


def _check_target(target: Any, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
    """Refuse what makes a reference useless: randomness, and operators that are not PyTorch's."""
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


def _callable(target: str) -> Callable[..., Any]:
    """What a node calls.

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


def _encoded(value: Any) -> Any:
    """A value of the graph as JSON."""
    if isinstance(value, torch.fx.Node):
        return {"ref": value.name}
    if isinstance(value, list | tuple):
        return [_encoded(inner) for inner in value]
    if isinstance(value, torch.dtype):
        return {"dtype": str(value).removeprefix("torch.")}
    if isinstance(value, torch.device):
        return {"device": "cpu"}
    if isinstance(value, torch.layout):
        return {"layout": str(value).removeprefix("torch.")}
    if isinstance(value, torch.memory_format):
        return {"memory": str(value).removeprefix("torch.")}
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": repr(value)}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise CheckFailedError(
        f"the network has a {type(value).__name__} among its operators, which cannot be kept as data"
    )


def _decoded(value: Any, known: Mapping[str, Any], place: _Place) -> Any:
    if isinstance(value, list | tuple):
        return [_decoded(inner, known, place) for inner in value]
    if not isinstance(value, dict):
        return value
    ((kind, text),) = value.items()
    if kind == "ref":
        return known[text]
    if kind == "dtype":
        return torch.float64 if place.double and _DTYPES[text] in _FLOATS else _DTYPES[text]
    if kind == "float" and text in ("inf", "-inf", "nan"):
        return float(text)
    if kind == "device" and text == "cpu":
        return place.device
    tables: dict[str, Mapping[str, Any]] = {"layout": _LAYOUTS, "memory": _MEMORY}
    return tables[kind][text]


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
