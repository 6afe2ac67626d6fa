"""Copies of graphs whose inputs and outputs have names that every converter takes."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from keyword import iskeyword
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx_ir

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,59}")
_TAKEN = ("self", "args", "kwargs", "file", "cls", "main", "input", "output")
"""Names of arguments and functions of the runtimes' own; a tensor with such a name would stand in their way."""


@dataclass(frozen=True)
class PlainCopy:
    """A copy of a graph."""

    path: Path
    """The ONNX file."""
    names: Mapping[str, str]
    """Name in the copy by name in the graph, inputs and outputs."""


def plain_copy(path: Path, inputs: Sequence[str], outputs: Sequence[str], folder: Path) -> PlainCopy | None:
    """Copy a graph if its names need it.

    Args:
        path: the ONNX file, only to be read.
        inputs: names of the inputs that a caller gives; others have a value in the file.
        outputs: names of the outputs.
        folder: to write the copy in.

    Returns:
        None where the names are plain as they are and the caller gives every input.
    """
    if all(map(_is_plain, (*inputs, *outputs))) and not _has_defaults(path, inputs):
        return None
    import onnx_ir  # takes a third of a second, and most graphs need no copy

    model = onnx_ir.load(path)
    graph = model.graph
    names = _plain_names((*inputs, *outputs), taken={value.name or "" for value in _values(graph)})
    for value in [value for value in graph.inputs if value.name not in inputs]:
        graph.inputs.remove(value)
    for value in (*graph.inputs, *graph.outputs):
        value.name = names.get(value.name or "", value.name)
    graph.name = "graph"
    copy = folder / "plain.onnx"
    folder.mkdir(parents=True, exist_ok=True)
    outside = any(isinstance(value.const_value, onnx_ir.ExternalTensor) for value in graph.initializers.values())
    onnx_ir.save(model, copy, external_data="plain.bin" if outside else None)
    return PlainCopy(copy, names)


def _is_plain(name: str) -> bool:
    return bool(_PLAIN.fullmatch(name)) and name not in _TAKEN and not iskeyword(name)


def _has_defaults(path: Path, inputs: Sequence[str]) -> bool:
    import onnx

    model = onnx.load(path, load_external_data=False)
    return [value.name for value in model.graph.input] != list(inputs)


def _values(graph: "onnx_ir.Graph") -> "Iterable[onnx_ir.Value]":
    """Every tensor of a graph and of the subgraphs in it."""
    for each in (graph, *graph.subgraphs()):
        yield from each.inputs
        yield from each.initializers.values()
        for node in each:
            yield from node.outputs


def _plain_names(names: Iterable[str], taken: set[str]) -> dict[str, str]:
    """A plain name for each, as close to it as can be, that nothing else in the graph has."""
    plain: dict[str, str] = {}
    for name in dict.fromkeys(names):
        base = name if _is_plain(name) else "t_" + (re.sub(r"[^A-Za-z0-9_]+", "_", name)[:40].strip("_") or "tensor")
        unique = base
        number = 1
        while unique != name and (unique in taken or unique in plain.values()):
            number += 1
            unique = f"{base}_{number}"
        plain[name] = unique
    return plain
