"""What a graph computes, whatever its nodes and tensors are called: terms that are equal where the computation is."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper
from onnx.inliner import inline_local_functions
from onnx.reference import ReferenceEvaluator

from ..reference.evaluator import densify, is_random, subgraphs
from ..subjects.tensors import is_float
from .differences import node_key

STANDARD = ("", "ai.onnx")
"""Names of the standard's own operator set."""

_COMMUTATIVE = frozenset({"Add", "Mul", "Max", "Min", "Sum", "Mean", "And", "Or", "Xor", "Equal"})
_MOST_FOLDED = 1 << 22  # values of a constant that is computed here
_MOST_AXES = 8  # that a tensor has, and so entries of a shape
_TRAINING_INPUT = 2  # of Dropout
_UNTAGGED = ("Identity",)


@dataclass(frozen=True, eq=False)
class Term:
    """One tensor, as what it is computed from."""

    kind: str
    """Operator with domain and attributes; `input NAME` for a graph's input, `weight` for a constant."""
    inputs: tuple["Term | None", ...] = ()
    """What it is computed from; the results of subgraphs stand behind the node's own inputs."""
    place: int = 0
    """Which output of its node it is."""
    value: NDArray[Any] | None = None
    """The values of a constant."""
    name: str = ""
    """Name of the tensor in its file, for messages only."""
    node: str = ""
    """Name of the node that makes it, for messages only."""
    structure: bytes = field(default=b"", repr=False)
    """Digest of the computation with the values of constants left out."""
    exact: bytes = field(default=b"", repr=False)
    """Digest of the computation with the values of constants."""

    @property
    def operator(self) -> str:
        """The operator's name without domain and attributes; empty for inputs and constants."""
        return self.kind.split(" ", 1)[0].rpartition("::")[2] if "::" in self.kind else ""


Terms = dict[str, Term]
"""Terms by name of the tensor."""


def terms_of(model: ModelProto) -> Terms:
    """The outputs of a graph as terms.

    Local functions are written out; Identity and Dropout without training are left out; constants are computed;
    attributes at their default are left out; nodes that no output needs are never seen.

    Args:
        model: the graph; it is not changed.

    Raises:
        ValueError: a tensor is read that nothing makes, or a function cannot be written out.
    """
    copy = ModelProto()
    copy.CopyFrom(model)
    densify(copy.graph)
    if copy.functions:
        try:
            copy = inline_local_functions(copy)
        except RuntimeError as error:
            raise ValueError(f"its functions cannot be written out: {error}") from error
    opset = max((entry.version for entry in copy.opset_import if entry.domain in STANDARD), default=1)
    known: Terms = {info.name: _made(f"input {info.name}", name=info.name) for info in copy.graph.input}
    return _Reader(opset).outputs(copy.graph, known)


def differing_weights(given: Mapping[str, Term], wanted: Mapping[str, Term]) -> list[tuple[Term, Term, Term]]:
    """Constants with other values in two graphs of the same structure, each with the term that reads the first.

    Args:
        given: outputs of one graph.
        wanted: outputs of the other; their structure is equal.
    """
    found: list[tuple[Term, Term, Term]] = []
    open_pairs = [(given[name], wanted[name], given[name]) for name in reversed(tuple(given))]
    seen: set[tuple[int, int]] = set()
    while open_pairs:
        mine, theirs, reader = open_pairs.pop()
        if mine.exact == theirs.exact or (id(mine), id(theirs)) in seen:
            continue
        seen.add((id(mine), id(theirs)))
        if mine.value is not None:
            found.append((mine, theirs, reader))
            continue
        pairs = zip(mine.inputs, _in_order(mine, theirs), strict=True)
        open_pairs += [(one, other, mine) for one, other in pairs if one is not None and other is not None][::-1]
    return found


def every_term(outputs: Mapping[str, Term]) -> Iterator[Term]:
    """All terms that the outputs are computed from, each once, those of constants too."""
    seen: set[int] = set()
    unread = list(outputs.values())
    while unread:
        term = unread.pop()
        if id(term) not in seen:
            seen.add(id(term))
            yield term
            unread += [each for each in term.inputs if each is not None]


@dataclass
class _Reader:
    """Turns graphs into terms."""

    opset: int
    depth: int = 0

    def outputs(self, graph: GraphProto, known: Terms) -> Terms:
        """Terms of a graph's outputs; `known` has what is made outside."""
        known = dict(known)
        for tensor in graph.initializer:
            known[tensor.name] = _constant(numpy_helper.to_array(tensor), tensor.name)
        for node in graph.node:
            self._read(node, known)
        return {info.name: self._of(info.name, known) for info in graph.output}

    def _read(self, node: NodeProto, known: Terms) -> None:
        inputs = tuple(self._of(name, known) if name else None for name in node.input)
        inner = [term for _, graph in subgraphs(node) for term in self._inner(graph, known)]
        standard = node.domain in STANDARD
        if standard and node.op_type == "Constant":
            known[node.output[0]] = _constant(_value(node), node.output[0])
            return
        if standard and (node.op_type in _UNTAGGED or _is_idle_dropout(node, inputs)):
            known[node.output[0]] = _required(inputs[0], node)
            for name in node.output[1:]:
                known[name] = _made("mask", inputs[:1], name=name)
            return
        folded = self._folded(node, inputs) if standard and not inner else None
        kind = self._kind(node)
        while inputs and inputs[-1] is None:
            inputs = inputs[:-1]
        if standard and node.op_type in _COMMUTATIVE:
            inputs = tuple(sorted(inputs, key=lambda term: term.structure if term else b""))
        for place, name in enumerate(node.output):
            if not name:
                continue
            if folded is not None:
                known[name] = _constant(folded[place], name)
            else:
                known[name] = _made(kind, (*inputs, *inner), place, name=name, node=node_key(node))

    def _inner(self, graph: GraphProto, known: Terms) -> list[Term]:
        reader = _Reader(self.opset, self.depth + 1)
        bound = {info.name: _made(f"bound {self.depth}.{place}") for place, info in enumerate(graph.input)}
        return list(reader.outputs(graph, {**known, **bound}).values())

    def _of(self, name: str, known: Terms) -> Term:
        if name not in known:
            raise ValueError(f"nothing makes the tensor {name!r}")
        return known[name]

    def _kind(self, node: NodeProto) -> str:
        domain = "" if node.domain in STANDARD else node.domain
        defaults = _defaults(node.op_type, self.opset) if not domain else {}
        parts = []
        for attribute in sorted(node.attribute, key=lambda each: each.name):
            if attribute.type in (AttributeProto.GRAPH, AttributeProto.GRAPHS):
                parts.append(f"{attribute.name}=graphs")
                continue
            text = _text(attribute)
            if text != defaults.get(attribute.name):
                parts.append(f"{attribute.name}={text}")
        return " ".join([f"{domain}::{node.op_type}", *parts])

    def _folded(self, node: NodeProto, inputs: Sequence[Term | None]) -> list[NDArray[Any]] | None:
        """The values of a node that reads constants alone; None for any other."""
        if not inputs or is_random(node) or node.op_type in ("QuantizeLinear", "DequantizeLinear"):
            return None
        values = {name: term.value for name, term in zip(node.input, inputs, strict=True) if term is not None}
        if any(value is None or value.size > _MOST_FOLDED for value in values.values()):
            return None
        made = [onnx.ValueInfoProto(name=name) for name in node.output if name]
        given = [
            helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape)
            for name, value in values.items()
            if value is not None
        ]
        graph = helper.make_graph([node], "constant", given, made)
        one = helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)])
        try:
            answers: Any = ReferenceEvaluator(one).run(None, values)
        except Exception:  # noqa: BLE001 - onnx raises errors of all kinds; the node stays as it is
            return None
        arrays = [np.asarray(answer) for answer in answers]
        return arrays if len(arrays) == len(node.output) and all(a.size <= _MOST_FOLDED for a in arrays) else None


def _made(kind: str, inputs: tuple[Term | None, ...] = (), place: int = 0, *, name: str = "", node: str = "") -> Term:
    structure, exact = (
        _digest(kind, str(place), *(getattr(term, which) if term else b"-" for term in inputs))
        for which in ("structure", "exact")
    )
    return Term(kind, inputs, place, None, name, node, structure, exact)


def _constant(value: NDArray[Any], name: str) -> Term:
    """A constant; short vectors of integers belong to the structure, as axes and shapes do."""
    shape = f"{value.dtype} {list(value.shape)}"
    exact = _digest("weight", shape, np.ascontiguousarray(value).tobytes() if value.dtype != object else str(value))
    learned = is_float(value.dtype) or value.dtype.itemsize == 1 or value.size > _MOST_AXES
    structure = _digest("weight", shape) if learned else exact
    return Term("weight", (), 0, value, name, "", structure, exact)


def _digest(*parts: str | bytes) -> bytes:
    digest = hashlib.sha256()
    for part in parts:
        content = part.encode() if isinstance(part, str) else part
        digest.update(len(content).to_bytes(8, "little") + content)
    return digest.digest()


def _in_order(mine: Term, theirs: Term) -> tuple[Term | None, ...]:
    """The inputs of one term in the order of another's, of the same structure: sums and products have no order."""
    if mine.operator not in _COMMUTATIVE:
        return theirs.inputs
    left = list(theirs.inputs)
    ordered: list[Term | None] = [None] * len(mine.inputs)
    for same in ("exact", "structure"):
        for place, term in enumerate(mine.inputs):
            if term is None or ordered[place] is not None:
                continue
            fits = [each for each in left if each is not None and getattr(each, same) == getattr(term, same)]
            if fits:
                ordered[place] = fits[0]
                left.remove(fits[0])
    return tuple(ordered)


def _is_idle_dropout(node: NodeProto, inputs: Sequence[Term | None]) -> bool:
    if node.op_type != "Dropout":
        return False
    training = inputs[_TRAINING_INPUT] if len(inputs) > _TRAINING_INPUT else None
    return training is None or (training.value is not None and not bool(training.value))


def _required(term: Term | None, node: NodeProto) -> Term:
    if term is None:
        raise ValueError(f"node {node_key(node)!r} ({node.op_type}) reads nothing")
    return term


def _value(node: NodeProto) -> NDArray[Any]:
    (attribute,) = node.attribute
    value = helper.get_attribute_value(attribute)
    if isinstance(value, TensorProto):
        return numpy_helper.to_array(value)
    if attribute.type in (AttributeProto.FLOAT, AttributeProto.FLOATS):
        return np.asarray(value, np.float32)
    return np.asarray(value, np.int64 if attribute.type in (AttributeProto.INT, AttributeProto.INTS) else object)


def _text(attribute: AttributeProto) -> str:
    value = helper.get_attribute_value(attribute)
    if isinstance(value, TensorProto):
        return f"{numpy_helper.to_array(value).dtype} {numpy_helper.to_array(value).tolist()}"
    return str(list(value)) if attribute.type in (AttributeProto.INTS, AttributeProto.FLOATS) else str(value)


def _defaults(kind: str, opset: int) -> dict[str, str]:
    """Attributes of a standard operator at their defaults, as text."""
    if not onnx.defs.has(kind):
        return {}
    try:
        schema = onnx.defs.get_schema(kind, opset)
    except onnx.defs.SchemaError:
        return {}
    stated = {name: one.default_value for name, one in schema.attributes.items() if one.default_value.type}
    return {name: _text(value) for name, value in stated.items()}
