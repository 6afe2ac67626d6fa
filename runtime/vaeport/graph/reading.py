"""An ONNX file as plain data: read in one pass, within limits, and never from any place but its own bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ..errors import BundleError
from .limits import (
    MAX_ATTRIBUTES,
    MAX_GRAPH_DEPTH,
    MAX_MODEL_BYTES,
    MAX_NODE_TENSORS,
    MAX_NODES,
    MAX_TENSORS,
    MAX_TYPE_DEPTH,
)
from .messages import (
    ATTRIBUTE,
    DIMENSION,
    ENTRY,
    FUNCTION,
    GRAPH,
    MAP_TYPE,
    MODEL,
    NODE,
    OPAQUE_TYPE,
    OPSET,
    SEQUENCE_TYPE,
    SHAPE,
    TENSOR_TYPE,
    TYPE,
    VALUE_INFO,
    AttributeField,
    FunctionField,
    GraphField,
    ModelField,
    NodeField,
)
from .tensors import Tensor, read_tensor
from .wire import Budget, Message, quoted, read_message, read_text

ATTRIBUTE_FLOAT, ATTRIBUTE_INT, ATTRIBUTE_STRING, ATTRIBUTE_TENSOR, ATTRIBUTE_GRAPH = 1, 2, 3, 4, 5
ATTRIBUTE_FLOATS, ATTRIBUTE_INTS, ATTRIBUTE_STRINGS, ATTRIBUTE_TENSORS, ATTRIBUTE_GRAPHS = 6, 7, 8, 9, 10


class Attribute(NamedTuple):
    """An attribute of a node.

    A named tuple, like all that a file has hundreds of: frozen dataclasses take three times as long to make.
    """

    name: str
    """Its name."""
    type: int
    """Which kind of value, by ONNX's number."""
    value: Any
    """A number, bytes, a tensor, a graph, or a tuple of one of these."""


class Node(NamedTuple):
    """One operation."""

    op_type: str
    """Operator."""
    domain: str
    """Its domain; empty for the standard one."""
    name: str
    """Name of the node, often empty."""
    inputs: tuple[str, ...]
    """Names of its inputs; empty for one that is left out."""
    outputs: tuple[str, ...]
    """Names of its outputs; empty for one that is left out."""
    attributes: dict[str, Attribute]
    """By name."""

    def __str__(self) -> str:
        """How messages call it: name and operator."""
        name = self.name or next(filter(None, self.outputs), "")
        return f"the node {quoted(name)} ({quoted(self.op_type)[1:-1]})"


@dataclass(frozen=True)
class ValueInfo:
    """What the file says of a tensor that it does not hold."""

    name: str
    """Its name."""
    kind: str
    """`tensor`, or what else it is: `sequence`, `map`, `optional`, `sparse tensor`, `opaque`; empty if not said."""
    dtype: int
    """Element type by ONNX's number; 0 if not said."""
    shape: tuple[int | str | None, ...] | None
    """Sizes: a number, a symbol, or None where nothing is said; None for an unknown number of axes."""


@dataclass(frozen=True)
class Graph:
    """A graph, or one inside an attribute."""

    nodes: tuple[Node, ...]
    """In the order of the file."""
    initializers: tuple[Tensor, ...]
    """Weights."""
    inputs: tuple[ValueInfo, ...]
    """In their order; older files list the initializers too."""
    outputs: tuple[ValueInfo, ...]
    """In their order."""
    value_infos: tuple[ValueInfo, ...]
    """What is said of tensors between."""


@dataclass(frozen=True)
class Function:
    """A function of the file: nodes that stand for an operator."""

    domain: str
    """Its domain."""
    name: str
    """The operator that it defines."""
    nodes: tuple[Node, ...]
    """Its nodes."""
    opsets: tuple[tuple[str, int], ...]
    """What it imports: domain and version."""


@dataclass(frozen=True)
class ModelFile:
    """Content of an ONNX file."""

    ir_version: int
    """Version of the format."""
    opsets: tuple[tuple[str, int], ...]
    """What it imports: domain and version."""
    graph: Graph
    """The graph."""
    functions: tuple[Function, ...]
    """Functions, usually none."""
    metadata: dict[str, str]
    """What the file says of itself."""


def read_model(content: bytes) -> ModelFile:
    """Read an ONNX file.

    Raises:
        BundleError: it is not well-formed, above a limit, holds anything that two parsers could understand differently,
            or points to data outside itself (external data).
    """
    if len(content) > MAX_MODEL_BYTES:
        raise BundleError(f"the file has {len(content)} bytes; the limit is {MAX_MODEL_BYTES}")
    if content[4:8] == b"ORTM":
        raise BundleError("the file is an ORT-format model; only the ONNX format is read")
    if not content:
        raise BundleError("the file is empty; an ONNX file was expected")
    return _Reader(content).model()


class _Reader:
    """Reads one file; counts what has a limit."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.view = memoryview(data)
        self.budget = Budget()
        self.nodes = self.tensors = 0

    def model(self) -> ModelFile:
        data = self.data
        found = read_message(data, (0, len(data)), MODEL, self.budget)
        if found[ModelField.TRAINING]:
            raise BundleError("the file has training_info; a graph that only answers has none")
        if found[ModelField.CONFIGURATION]:
            raise BundleError("the file says on which devices it runs (configuration); that is for the caller to say")
        if found[ModelField.GRAPH] is None:
            raise BundleError("the file has no graph; an ONNX file was expected")
        return ModelFile(
            ir_version=found[ModelField.IR_VERSION] or 0,
            opsets=self.opsets(found[ModelField.OPSETS]),
            graph=self.graph(found[ModelField.GRAPH], 1),
            functions=tuple(self.function(span) for span in found[ModelField.FUNCTIONS] or ()),
            metadata=self.metadata(found[ModelField.METADATA]),
        )

    def opsets(self, spans: list[tuple[int, int]] | None) -> tuple[tuple[str, int], ...]:
        pairs = []
        for span in spans or ():
            found = read_message(self.data, span, OPSET, self.budget)
            pairs.append((found[1] or "", found[2] or 0))
        return tuple(pairs)

    def metadata(self, spans: list[tuple[int, int]] | None) -> dict[str, str]:
        entries: dict[str, str] = {}
        for span in spans or ():
            found = read_message(self.data, span, ENTRY, self.budget)
            key = found[1] or ""
            if key in entries:
                raise BundleError(f"the file has the metadata key {quoted(key)} twice")
            entries[key] = read_text(self.data, found[2])
        return entries

    def graph(self, span: tuple[int, int], depth: int) -> Graph:
        if depth > MAX_GRAPH_DEPTH:
            raise BundleError(f"graphs stand inside each other {depth} deep; the limit is {MAX_GRAPH_DEPTH}")
        found = read_message(self.data, span, GRAPH, self.budget)
        if found[GraphField.SPARSE]:
            raise BundleError("the graph has sparse initializers; every weight must be a plain tensor")
        return Graph(
            nodes=self.node_list(found[GraphField.NODE], depth),
            initializers=tuple(map(self.tensor, found[GraphField.INITIALIZER] or ())),
            inputs=tuple(map(self.value_info, found[GraphField.INPUT] or ())),
            outputs=tuple(map(self.value_info, found[GraphField.OUTPUT] or ())),
            value_infos=tuple(map(self.value_info, found[GraphField.VALUE_INFO] or ())),
        )

    def function(self, span: tuple[int, int]) -> Function:
        found = read_message(self.data, span, FUNCTION, self.budget)
        for attribute in found[FunctionField.ATTRIBUTE_PROTO] or ():
            self.attribute(attribute, 1)
        name, domain = found[FunctionField.NAME] or "", found[FunctionField.DOMAIN] or ""
        opsets = self.opsets(found[FunctionField.OPSETS])
        return Function(domain, name, self.node_list(found[FunctionField.NODE], 1), opsets)

    def tensor(self, span: tuple[int, int]) -> Tensor:
        self.tensors += 1
        if self.tensors > MAX_TENSORS:
            raise BundleError(f"the file has more than {MAX_TENSORS} tensors, which is the limit")
        return read_tensor(self.data, self.view, span, self.budget)

    def node_list(self, spans: list[tuple[int, int]] | None, depth: int) -> tuple[Node, ...]:
        spans = spans or []
        self.nodes += len(spans)
        if self.nodes > MAX_NODES:
            raise BundleError(f"the file has more than {MAX_NODES} nodes, which is the limit")
        return tuple(self.node(span, depth) for span in spans)

    def node(self, span: tuple[int, int], depth: int) -> Node:
        found = read_message(self.data, span, NODE, self.budget)
        attributes: dict[str, Attribute] = {}
        spans = found[NodeField.ATTRIBUTE] or ()
        if len(spans) > MAX_ATTRIBUTES:
            raise BundleError(f"a node has {len(spans)} attributes; the limit is {MAX_ATTRIBUTES}")
        for attribute_span in spans:
            attribute = self.attribute(attribute_span, depth)
            attributes[attribute.name] = attribute
        inputs, outputs = tuple(found[NodeField.INPUT] or ()), tuple(found[NodeField.OUTPUT] or ())
        node = Node(
            found[NodeField.OP_TYPE] or "",
            found[NodeField.DOMAIN] or "",
            found[NodeField.NAME] or "",
            inputs,
            outputs,
            attributes,
        )
        if len(attributes) < len(spans):
            raise BundleError(f"{node} has an attribute twice")
        if max(len(inputs), len(outputs)) > MAX_NODE_TENSORS:
            raise BundleError(f"{node} has more than {MAX_NODE_TENSORS} inputs or outputs, which is the limit")
        if found[NodeField.DEVICES]:
            raise BundleError(
                f"{node} says on which device it runs (device_configurations); that is for the caller to say"
            )
        if found[NodeField.OVERLOAD]:
            raise BundleError(f"{node} names an overload of its operator; only plain operators are read")
        return node

    def attribute(self, span: tuple[int, int], depth: int) -> Attribute:
        found = read_message(self.data, span, ATTRIBUTE, self.budget)
        name, kind = found[AttributeField.NAME] or "", found[AttributeField.TYPE]
        if found[AttributeField.REF] is not None:
            if any(found[number] is not None for number in _VALUE_FIELDS.values()):
                raise BundleError(f"the attribute {quoted(name)} has a value and a reference to another attribute")
            return Attribute(name, 0, found[AttributeField.REF])
        if found[AttributeField.SPARSE] is not None or found[AttributeField.SPARSES] is not None:
            raise BundleError(
                f"the attribute {quoted(name)} holds a sparse tensor; every weight must be a plain tensor"
            )
        field = _VALUE_FIELDS.get(kind)
        if field is None:
            raise BundleError(f"the attribute {quoted(name)} has the type {kind}, which is not read here")
        for number in _ALL_VALUES:
            if found[number] is not None and number != field:
                raise BundleError(f"the attribute {quoted(name)} has values of two types")
        value = found[field]
        if value is None:
            if kind < ATTRIBUTE_FLOATS:
                raise BundleError(f"the attribute {quoted(name)} has no value")
            return Attribute(name, kind, ())
        if kind in (ATTRIBUTE_INT, ATTRIBUTE_FLOAT):
            return Attribute(name, kind, value)
        return Attribute(name, kind, self.attribute_value(kind, value, depth))

    def attribute_value(self, kind: int, value: Any, depth: int) -> Any:
        data = self.data
        if kind == ATTRIBUTE_INTS:
            return tuple(value)
        if kind == ATTRIBUTE_STRING:
            return data[value[0] : value[1]]
        if kind == ATTRIBUTE_TENSOR:
            return self.tensor(value)
        if kind == ATTRIBUTE_GRAPH:
            return self.graph(value, depth + 1)
        if kind == ATTRIBUTE_FLOATS:
            if any((stop - start) % 4 for start, stop in value):
                raise BundleError("an attribute's list of floats is cut off")
            return tuple(
                x for start, stop in value for x in np.frombuffer(data, "<f4", (stop - start) // 4, start).tolist()
            )
        if kind == ATTRIBUTE_STRINGS:
            return tuple(data[start:stop] for start, stop in value)
        if kind == ATTRIBUTE_TENSORS:
            return tuple(map(self.tensor, value))
        return tuple(self.graph(span, depth + 1) for span in value)

    def value_info(self, span: tuple[int, int]) -> ValueInfo:
        found = read_message(self.data, span, VALUE_INFO, self.budget)
        name = found[1] or ""
        if found[2] is None:
            return ValueInfo(name, "", 0, None)
        return self.type_of(name, found[2], 1)

    def type_of(self, name: str, span: tuple[int, int], depth: int) -> ValueInfo:
        """What a TypeProto says, read to its end: a parser that goes down by calling itself can be led very deep."""
        if depth > MAX_TYPE_DEPTH:
            raise BundleError(f"the type of {quoted(name)} holds types {depth} deep; the limit is {MAX_TYPE_DEPTH}")
        kinds = read_message(self.data, span, TYPE, self.budget)
        given = [number for number in _TYPES if kinds[number] is not None]
        if len(given) > 1:
            raise BundleError(f"the tensor {quoted(name)} has two types")
        if not given:
            return ValueInfo(name, "", 0, None)
        kind, message, inner = _TYPES[given[0]]
        found = read_message(self.data, kinds[given[0]], message, self.budget)
        if inner and found[inner] is not None:
            self.type_of(name, found[inner], depth + 1)
        if message is not TENSOR_TYPE:
            return ValueInfo(name, kind, 0, None)
        return ValueInfo(name, kind, found[1] or 0, None if found[2] is None else self.shape(found[2]))

    def shape(self, span: tuple[int, int]) -> tuple[int | str | None, ...]:
        sizes: list[int | str | None] = []
        for dim in read_message(self.data, span, SHAPE, self.budget)[1] or ():
            found = read_message(self.data, dim, DIMENSION, self.budget)
            if found[1] is not None and found[2] is not None:
                raise BundleError("a size in the file is a number and a symbol at once")
            sizes.append(found[2] if found[1] is None else found[1])
        return tuple(sizes)


_TYPES: dict[int, tuple[str, Message, int]] = {
    1: ("tensor", TENSOR_TYPE, 0),
    4: ("sequence", SEQUENCE_TYPE, 1),
    5: ("map", MAP_TYPE, 2),
    7: ("opaque", OPAQUE_TYPE, 0),
    8: ("sparse tensor", TENSOR_TYPE, 0),
    9: ("optional", SEQUENCE_TYPE, 1),
}
"""The kinds of a TypeProto by field: what they are called, their message, and its field with a type inside."""
_VALUE_FIELDS = {
    ATTRIBUTE_FLOAT: AttributeField.FLOAT,
    ATTRIBUTE_INT: AttributeField.INT,
    ATTRIBUTE_STRING: AttributeField.STRING,
    ATTRIBUTE_TENSOR: AttributeField.TENSOR,
    ATTRIBUTE_GRAPH: AttributeField.GRAPH,
    ATTRIBUTE_FLOATS: AttributeField.FLOATS,
    ATTRIBUTE_INTS: AttributeField.INTS,
    ATTRIBUTE_STRINGS: AttributeField.STRINGS,
    ATTRIBUTE_TENSORS: AttributeField.TENSORS,
    ATTRIBUTE_GRAPHS: AttributeField.GRAPHS,
}
"""The field that holds an attribute's value, by its type."""
_ALL_VALUES = (*_VALUE_FIELDS.values(), AttributeField.TP, AttributeField.TYPES)
