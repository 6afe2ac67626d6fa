"""What an ONNX file has that another one of the same network has not, node by node and weight by weight."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import AttributeProto, FunctionProto, GraphProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper

from ..reference.evaluator import every_node, subgraphs

_MOST_NAMED = 3
_ALIKE = 0.5  # share of nodes with the same name that makes two files comparable node by node


@dataclass(frozen=True)
class Difference:
    """One thing in which the files differ."""

    text: str
    """In words."""
    node: str = ""
    """Name of the outer node that it is about, or its first output where it has no name; empty for the whole graph."""

    def __str__(self) -> str:
        return self.text


def file_differences(model: ModelProto, other: ModelProto, where: str = "the export") -> list[Difference]:
    """Differences, what is missing first, then in the order in which the graph computes; empty where there are none.

    Subgraphs and functions are compared as well.

    Args:
        model: the file in question.
        other: the file that it should be like.
        where: what to call that one.
    """
    differences = list(_Comparison(where, model.graph, other.graph).differences())
    functions, known = _functions(model), _functions(other)
    for key, function in functions.items():
        name = f"function {function.name!r}"
        if key not in known:
            differences.append(Difference(f"{name} is not in {where}"))
        else:
            compared = _Comparison(where, function, known[key], place=f" in {name}{_callers(model, function)}")
            differences += [Difference(one.text) for one in compared.differences()]
    differences += [Difference(f"function {known[key].name!r} is missing") for key in known if key not in functions]
    mine, wanted = _opsets(model), _opsets(other)
    differences += [
        Difference(f"opset of {domain or 'ai.onnx'} is {mine[domain]}, in {where} {wanted[domain]}")
        for domain in mine.keys() & wanted.keys()
        if mine[domain] != wanted[domain]
    ]
    return differences


def are_alike(model: ModelProto, other: ModelProto) -> bool:
    """Whether two files name so many nodes alike that their differences say something."""
    mine, wanted = ({node_key(node) for node in each.graph.node} for each in (model, other))
    return len(mine & wanted) >= _ALIKE * max(len(mine), len(wanted), 1)


def describe(node: NodeProto) -> str:
    """A node by name, operator and inputs."""
    return f"node {node_key(node)!r} ({node.op_type} of {', '.join(filter(None, node.input))})"


def node_key(node: NodeProto) -> str:
    """Name of a node, or its first output where it has none."""
    return node.name or next(filter(None, node.output), "")


@dataclass(frozen=True)
class _Comparison:
    """Two graphs or functions, one beside the other."""

    where: str
    given: GraphProto | FunctionProto
    wanted: GraphProto | FunctionProto
    place: str = ""
    """What is said behind each node: the subgraph or function that it is in."""

    def differences(self) -> Iterator[Difference]:
        """What is missing, then the rest."""
        nodes = {node_key(node): node for node in self.given.node}
        known = {node_key(node): node for node in self.wanted.node}
        weights, made = _weights(self.given), _weights(self.wanted)
        floats = {name for name, tensor in made.items() if _is_float(tensor) and len(tensor.dims)}
        changed = [name for name in floats if name in weights and _change(weights[name], made[name], self.where)]
        if len(changed) > 1 and len(changed) == len(floats):
            yield Difference(f"all {len(changed)} weights differ from those of {self.where}: it is of other weights")
        for key, node in known.items():
            if key not in nodes:
                yield Difference(f"{describe(node)}{self.place} is missing", key)
        for node in self.given.node:
            expected = known.get(node_key(node))
            if expected is None:
                texts: Iterable[str] = [f"{describe(node)}{self.place} is not in {self.where}"]
            else:
                texts = self._of_node(node, expected, weights, made)
            yield from (Difference(text, node_key(node)) for text in texts)
        yield from self._of_outputs(nodes)

    def _of_node(
        self, node: NodeProto, expected: NodeProto, weights: Mapping[str, TensorProto], made: Mapping[str, TensorProto]
    ) -> Iterator[str]:
        name, there = f"{describe(node)}{self.place}", f"in {self.where}"
        if (node.domain, node.op_type) != (expected.domain, expected.op_type):
            yield f"{name} is a {expected.op_type} {there}"
        if list(node.input) != list(expected.input):
            yield f"{name} reads {', '.join(expected.input)} {there}"
        if list(node.output) != list(expected.output):
            yield f"{name} gives {', '.join(node.output)}, {there} {', '.join(expected.output)}"
        given, wanted = ({one.name: one for one in each.attribute} for each in (node, expected))
        for key in sorted(given.keys() | wanted.keys()):
            yield from self._of_attribute(node, key, given.get(key), wanted.get(key))
        for read in node.input:
            if read in weights and read in made and (change := _change(weights[read], made[read], self.where)):
                yield f"{name}: {read} {change}"

    def _of_attribute(
        self, node: NodeProto, key: str, given: AttributeProto | None, wanted: AttributeProto | None
    ) -> Iterator[str]:
        name = f"{describe(node)}{self.place}"
        if given is not None and wanted is not None and given.type == wanted.type:
            if given.type in (AttributeProto.GRAPH, AttributeProto.GRAPHS):
                pairs = zip(_graphs(given), _graphs(wanted), strict=False)
                for mine, theirs in pairs:
                    inner = _Comparison(self.where, mine, theirs, f" in {key} of node {node_key(node)!r}{self.place}")
                    yield from (one.text for one in inner.differences())
                return
            if given.type == AttributeProto.TENSOR:
                if change := _change(given.t, wanted.t, self.where):
                    yield f"{name}: its {key} {change}"
                return
        mine, theirs = _value(given), _value(wanted)
        if mine != theirs:
            yield f"{name} has {key} = {_shown(mine)}, in {self.where} {_shown(theirs)}"

    def _of_outputs(self, nodes: Mapping[str, NodeProto]) -> Iterator[Difference]:
        mine, theirs = _outputs(self.given), _outputs(self.wanted)
        if mine != theirs:
            text = f"outputs{self.place} are {', '.join(mine)}, in {self.where} {', '.join(theirs)}"
            yield Difference(text, next(iter(nodes), ""))


def _functions(model: ModelProto) -> dict[tuple[str, str], FunctionProto]:
    return {(function.domain, function.name): function for function in model.functions}


def _callers(model: ModelProto, function: FunctionProto) -> str:
    """Which nodes call a function, in words."""
    key = (function.domain, function.name)
    names = [node_key(node) for node in every_node(model) if (node.domain, node.op_type) == key]
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return f" (called by {', '.join(map(repr, names[:_MOST_NAMED]))}{more})" if names else ""


def _opsets(model: ModelProto) -> dict[str, int]:
    return {"" if entry.domain == "ai.onnx" else entry.domain: entry.version for entry in model.opset_import}


def _outputs(graph: GraphProto | FunctionProto) -> list[str]:
    return [one.name for one in graph.output] if isinstance(graph, GraphProto) else list(graph.output)


def _weights(graph: GraphProto | FunctionProto) -> dict[str, TensorProto]:
    return {tensor.name: tensor for tensor in graph.initializer} if isinstance(graph, GraphProto) else {}


def _graphs(attribute: AttributeProto) -> list[GraphProto]:
    holder = NodeProto()
    holder.attribute.append(attribute)
    return [graph for _, graph in subgraphs(holder)]


def _value(attribute: AttributeProto | None) -> Any:
    if attribute is None:
        return None
    return f"@{attribute.ref_attr_name}" if attribute.ref_attr_name else helper.get_attribute_value(attribute)


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _is_float(tensor: TensorProto) -> bool:
    return tensor.data_type in (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE)


def _change(given: TensorProto, wanted: TensorProto, where: str) -> str:
    """How a weight differs; empty if it does not."""
    if given.data_type != wanted.data_type:
        kinds = [TensorProto.DataType.Name(one.data_type).lower() for one in (given, wanted)]
        return f"is {kinds[0]}, in {where} {kinds[1]}"
    if given.data_type == TensorProto.STRING:
        return "" if list(given.string_data) == list(wanted.string_data) else f"holds other text than in {where}"
    values, expected = numpy_helper.to_array(given), numpy_helper.to_array(wanted)
    if values.shape != expected.shape:
        return f"is {list(values.shape)}, in {where} {list(expected.shape)}"
    if values.tobytes() == expected.tobytes():
        return ""
    if _is_float(given):
        values, expected = values.astype(np.float64), expected.astype(np.float64)
    if np.array_equal(values, expected, equal_nan=values.dtype.kind == "f"):
        return ""
    if values.size <= _MOST_NAMED + 1:
        return f"is {values.tolist()}, in {where} {expected.tolist()}"
    if values.dtype.kind == "f" and np.array_equal(values, _rounded(expected)):
        return "is rounded to float16"
    off = values != expected
    largest = np.max(np.abs(values.astype(np.float64) - expected.astype(np.float64)))
    return f"differs from that of {where} in {int(off.sum())} of {values.size} values, by up to {largest:.2g}"


def _rounded(values: NDArray[np.float64]) -> NDArray[np.float64]:
    with np.errstate(over="ignore"):
        return values.astype(np.float16).astype(np.float64)
