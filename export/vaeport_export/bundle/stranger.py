"""ONNX files of a stranger's bundle, checked before onnx or onnxruntime sees a byte."""

from collections.abc import Iterator, Mapping

from vaeport.contract import GraphSpec, Shapes
from vaeport.errors import BundleError
from vaeport.graph.reading import Attribute, Function, Graph, ModelFile, Node, read_model
from vaeport.graph.shapes.run import Plan

MAX_WRITTEN_OUT = 20_000
"""Nodes of a graph when its functions are written out: a few functions that call each other make billions."""
MAX_CALLS = 32
"""Functions that call one another in a row."""

_ROWS = 2
_STANDARD = ("", "ai.onnx")
_CONTROL_FLOW = ("If", "Loop", "Scan", "SequenceMap")
_Key = tuple[str, str]


def check_onnx(content: bytes, *, trusted: bool = False) -> None:
    """Refuse an ONNX file that reads other files, that may run without end, or that grows without bound.

    Args:
        content: the file.
        trusted: whether its author is trusted, so that it may run without end and grow, but still reads no other file.

    Raises:
        BundleError: the sentence names neither bundle nor file.
    """
    model = read_model(content)
    if trusted:
        return
    for nodes in (model.graph.nodes, *(function.nodes for function in model.functions)):
        for node in _every(nodes):
            if node.op_type in _CONTROL_FLOW:
                raise BundleError(f"{node} is control flow, which may run without end and is not run from a bundle")
    _check_functions(model)


def check_costs(content: bytes, spec: GraphSpec, shapes: Shapes) -> None:
    """Refuse an ONNX file whose answers take more memory or time than those of a bundle's graphs may.

    Args:
        content: the file, under the contract's names.
        spec: which graph it is.
        shapes: the manifest's sizes.

    Raises:
        BundleError: it takes too much, or has operators that no graph of a bundle may have.
    """
    model = read_model(content)
    opset = next((version for domain, version in model.opsets if domain in _STANDARD), 1)
    inputs = {name: (_ROWS, *shapes.row(name)) for name in spec.inputs}
    Plan(model.graph, opset=opset).run(inputs, _ROWS)


def _every(nodes: tuple[Node, ...]) -> Iterator[Node]:
    """All nodes, those of graphs in attributes too."""
    for node in nodes:
        yield node
        for attribute in node.attributes.values():
            for graph in _graphs(attribute):
                yield from _every(graph.nodes)


def _graphs(attribute: Attribute) -> Iterator[Graph]:
    values = attribute.value if isinstance(attribute.value, tuple) else (attribute.value,)
    yield from (value for value in values if isinstance(value, Graph))


def _check_functions(model: ModelFile) -> None:
    functions: dict[_Key, Function] = {(each.domain, each.name): each for each in model.functions}
    sizes: dict[_Key, int] = {}
    written = sum(_size(node, functions, sizes, ()) for node in _every(model.graph.nodes))
    if written > MAX_WRITTEN_OUT:
        raise BundleError(
            f"the graph has {written} nodes with its functions written out; the limit is {MAX_WRITTEN_OUT}"
        )


def _size(node: Node, functions: Mapping[_Key, Function], sizes: dict[_Key, int], calls: tuple[_Key, ...]) -> int:
    """Nodes that one stands for; each function is counted once."""
    key = (node.domain, node.op_type)
    if key not in functions:
        return 1
    if key in calls or len(calls) >= MAX_CALLS:
        raise BundleError(f"{node} is a function that calls itself, or more than {MAX_CALLS} others in a row")
    if key not in sizes:
        sizes[key] = sum(_size(each, functions, sizes, (*calls, key)) for each in _every(functions[key].nodes))
    return sizes[key]
