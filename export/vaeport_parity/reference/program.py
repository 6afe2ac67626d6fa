"""A PyTorch network as data: the operators that torch.export captures, as JSON, beside its weights as safetensors.

A bundle carries its PyTorch original in this form, so that everybody can compare with it without the author's code.
The `.pt2` archive of `torch.export.save` would not do for files from strangers: its reader unpickles what the archive
tells it to (`weights_only=False`), evaluates shape expressions as Python (sympy.sympify), and refuses archives of other
schema versions. Here nothing is unpickled or evaluated: a file names operators of `aten` and a few of arithmetic, their
arguments are plain values, and running it calls them one after the other.
"""

import dataclasses
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload

from vaeport.common.strict_json import parse_strict
from vaeport.errors import BundleError, CheckFailedError

from .allowed import check_arguments
from .calls import callable_of, check_target, target_name
from .values import Place, decoded, encoded

FORMAT = 1

_DROPPED = ("aten._assert", "aten.sym_constrain_range", "aten._print")
"""Operators that check or print and compute nothing; their checks name types that float64 does not have."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PATH = re.compile(r"[^.\x00-\x1f]+(\.[^.\x00-\x1f]+)*")  # parts may have any name: `0.weight`, `a-b.weight`
_OUTPUT = re.compile(r"[^\x00-\x1f]+")  # the graph's own name for it
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
    """Plain values; results of other nodes are `{"ref": name}`, see `encoded`."""
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
            results = tuple(encoded(value) for value in node.args[0])[-len(signature.user_outputs) :]
        elif node.op == "call_function":
            target = target_name(node.target)
            if not target.startswith(_DROPPED):
                check_target(node.target, target, node.args, node.kwargs)
                args = tuple(encoded(value) for value in node.args)
                nodes.append(Node(node.name, target, args, {k: encoded(v) for k, v in node.kwargs.items()}))
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
    call = callable_of(node.target)
    if isinstance(call, OpOverload):
        check_arguments(call, node.args, node.kwargs)
        check_target(call, node.target, node.args, node.kwargs)
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
        decoded(value, {}, Place())


def _checked(text: Any, pattern: re.Pattern[str]) -> str:
    if not isinstance(text, str) or not pattern.fullmatch(text):
        raise ValueError(f"{text!r:.80} is no name")
    return text


def _checked_path(path: Any) -> str:
    if _checked(path, _PATH).count(".") >= _MOST_PARTS:
        raise ValueError(f"{path[:60]!r} lies deeper than {_MOST_PARTS} modules")
    return str(path)
