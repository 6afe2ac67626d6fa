"""Tensors inside a graph: who makes them of what, what they should be, and what an error in one leads to."""

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
from numpy.typing import NDArray
from onnx import ModelProto

from vaeport.checks.comparison import max_abs_error

from ..reference.evaluator import densify, doubled, doubled_inputs, evaluator
from ..subjects.tensors import Arrays

_WITHOUT_VALUES = ("Shape", "Size")  # their outputs depend on sizes alone
_QUANTISING = (
    "QuantizeLinear",
    "DynamicQuantizeLinear",
    "QLinearConv",
    "QLinearMatMul",
    "ConvInteger",
    "MatMulInteger",
)


class TensorGraph:
    """A graph as nodes and tensors. A node with subgraphs (If, Loop, Scan) reads what they capture from outside."""

    def __init__(self, model: ModelProto) -> None:
        """Read a graph.

        Args:
            model: the graph; types and shapes that it does not state are inferred where onnx can.
        """
        copy = ModelProto()
        copy.CopyFrom(model)
        densify(copy.graph)
        with contextlib.suppress(onnx.shape_inference.InferenceError):  # in a wrong file, what it states must do
            copy = onnx.shape_inference.infer_shapes(copy, data_prop=True)
        self._ir = ir.from_proto(copy)
        self._values = ir.convenience.create_value_mapping(self._ir.graph, include_subgraphs=False)

    @property
    def inputs(self) -> tuple[str, ...]:
        """Inputs that a caller gives."""
        return tuple(value.name or "" for value in self._ir.graph.inputs if not value.is_initializer())

    @cached_property
    def order(self) -> tuple[str, ...]:
        """Tensors that nodes make, in the order in which they are computed."""
        return tuple(value.name for node in self._ir.graph for value in node.outputs if value.name)

    @cached_property
    def makers(self) -> dict[str, ir.Node]:
        """Node by tensor that it makes."""
        return {value.name: node for node in self._ir.graph for value in node.outputs if value.name}

    @cached_property
    def reads(self) -> dict[str, tuple[str, ...]]:
        """For each tensor that a node makes, the tensors that the node is computed from."""
        by_node = {node: _reads(node, self._ir.graph) for node in self._ir.graph}
        return {tensor: by_node[node] for tensor, node in self.makers.items()}

    @cached_property
    def depending(self) -> frozenset[str]:
        """Tensors that depend on the inputs in any way, if only on their sizes."""
        depending = set(self.inputs)
        for tensor in self.order:
            if not depending.isdisjoint(self.reads[tensor]):
                depending.add(tensor)
        return frozenset(depending)

    @cached_property
    def varying(self) -> frozenset[str]:
        """Tensors that depend on the values of the inputs, not on their sizes alone."""
        varying = set(self.inputs)
        for tensor in self.order:
            if self.makers[tensor].op_type not in _WITHOUT_VALUES and not varying.isdisjoint(self.reads[tensor]):
                varying.add(tensor)
        return frozenset(varying)

    @property
    def is_quantised(self) -> bool:
        """Whether it rounds to integers on the way, so that the least difference makes a whole step."""
        return any(node.op_type in _QUANTISING for node in ir.traversal.RecursiveGraphIterator(self._ir.graph))

    def above(self, tensor: str) -> tuple[str, ...]:
        """Tensors that nodes make on the way to one, in order, itself last.

        Those that depend on sizes alone are left out, unless the tensor is one of them.
        """
        read, unread = {tensor}, [tensor]
        while unread:
            for name in self.reads.get(unread.pop(), ()):
                if name not in read:
                    read.add(name)
                    unread.append(name)
        wanted = read & self.varying if tensor in self.varying else read
        return tuple(name for name in self.order if name in wanted)

    def below(self, tensor: str) -> tuple[str, ...]:
        """Tensors that are computed from one, in order, without itself."""
        made = {tensor}
        for name in self.order:
            if not made.isdisjoint(self.reads[name]):
                made.add(name)
        return tuple(name for name in self.order if name in made and name != tensor)

    def describe(self, tensor: str) -> str:
        """The node that makes a tensor, in words."""
        node = self.makers[tensor]
        function = ", a function" if node.op_identifier() in self._ir.functions else ""
        read = [value.name for value in node.inputs if value is not None and value.name]
        return f"node {(node.name or node.outputs[0].name)!r} ({node.op_type} of {', '.join(read)}{function})"

    def part(self, output: str, inputs: Sequence[str] | None = None, *, like: NDArray[Any] | None = None) -> ModelProto:
        """The part of the graph that leads to a tensor, as its only output; it keeps name, metadata and opsets.

        Args:
            output: name of the tensor.
            inputs: what is given instead of computed; the graph's own inputs unless said otherwise.
            like: its values in float64, which tell rank and type where onnx could not infer them.

        Raises:
            ValueError: type or rank of the tensor is not known.
        """
        given = list(self.inputs if inputs is None else inputs)
        graph = ir.convenience.extract(self._ir.graph, given, [output])
        self._complete(graph.outputs[0], like)
        model = ir.Model(
            graph,
            ir_version=self._ir.ir_version,
            producer_name=self._ir.producer_name,
            producer_version=self._ir.producer_version,
            functions=[self._ir.functions[key] for key in self._called(graph)],
            metadata_props=self._ir.metadata_props,
        )
        proto = ir.to_proto(model)
        proto.graph.name = self._ir.graph.name or "graph"
        for node in proto.graph.node:  # a node may make what is given and something else that is needed
            node.output[:] = [f"{name} computed" if name in given else name for name in node.output]
        return proto

    @cached_property
    def _float(self) -> ir.DataType | None:
        """The only float type of the graph; None where there are several."""
        kinds = {value.dtype for value in self._values.values() if value.dtype and value.dtype.is_floating_point()}
        return next(iter(kinds)) if len(kinds) == 1 else None

    def _complete(self, made: ir.Value, like: NDArray[Any] | None) -> None:
        """State type and axes of an output, by what is known of its values where the graph does not say it."""
        if made.dtype is None and like is not None:
            kind = self._float if like.dtype == np.float64 else ir.DataType.from_numpy(like.dtype)
            made.type = ir.TensorType(kind) if kind else None
        if made.shape is None and like is not None:
            made.shape = ir.Shape([f"{made.name}_{place}" for place in range(like.ndim)])
        if made.dtype is None or made.shape is None:
            raise ValueError(f"type or rank of tensor {made.name!r} is not known")

    def _called(self, graph: ir.Graph) -> list[ir.OperatorIdentifier]:
        """Functions that a graph calls, directly or through others."""
        called: dict[ir.OperatorIdentifier, None] = {}
        unread: list[Iterable[ir.Node]] = [ir.traversal.RecursiveGraphIterator(graph)]
        while unread:
            for node in unread.pop():
                key = node.op_identifier()
                if key in self._ir.functions and key not in called:
                    called[key] = None
                    unread.append(ir.traversal.RecursiveGraphIterator(self._ir.functions[key]))
        return [key for key in self._ir.functions if key in called]


class ExactGraph:
    """A graph on one batch of inputs, computed in float64 by onnx's ReferenceEvaluator."""

    def __init__(self, model: ModelProto, inputs: Mapping[str, NDArray[Any]]) -> None:
        """Compute every tensor.

        Args:
            model: the graph, in any float types.
            inputs: a batch, by input name.

        Raises:
            InputError: the graph has an operator that cannot be evaluated; the text names it.
        """
        self._double = doubled(model)
        self._inputs = doubled_inputs(inputs)
        self.values = _every_value(self._double, self._inputs)
        """Every tensor outside subgraphs and functions by name; sequences are left out."""

    @cached_property
    def _graph(self) -> TensorGraph:
        return TensorGraph(self._double)

    def error(self, tensor: str, given: NDArray[Any]) -> float:
        """How far a tensor is off: the largest difference, or how many entries differ where they are no floats."""
        return difference(given, self.values[tensor])

    def effect(self, tensor: str, given: NDArray[Any], output: str) -> float:
        """Error of an output that follows from one tensor alone: the rest of the graph is computed exactly.

        Args:
            tensor: name of the tensor.
            given: what a backend has there.
            output: name of the output.
        """
        exact = self.values[tensor]
        if tensor == output or given.shape != exact.shape:
            return difference(given, exact)
        if not difference(given, exact):
            return 0.0
        rest = self._graph.part(output, [*self._inputs, tensor], like=self.values[output])
        values = doubled_inputs({tensor: given})[tensor] if exact.dtype == np.float64 else given.astype(exact.dtype)
        (answer,) = evaluator(rest).run([output], {**self._inputs, tensor: values})
        return difference(np.asarray(answer), self.values[output])


def exact_values(model: ModelProto, inputs: Mapping[str, NDArray[Any]]) -> Arrays:
    """Every tensor outside subgraphs and functions by name, floats in float64; sequences are left out.

    Raises:
        InputError: the graph has an operator that cannot be evaluated; the text names it.
    """
    return _every_value(doubled(model), doubled_inputs(inputs))


def _every_value(model: ModelProto, inputs: Mapping[str, NDArray[Any]]) -> Arrays:
    values: Any = evaluator(model).run(None, dict(inputs), intermediate=True)  # a dict of them, for intermediate=True
    return {name: np.asarray(value) for name, value in values.items() if isinstance(value, np.ndarray | np.generic)}


def difference(given: NDArray[Any], exact: NDArray[Any]) -> float:
    """Largest absolute difference of floats, the same infinities apart; how many entries differ of other types."""
    if given.shape != exact.shape:
        return float("inf")
    if exact.dtype.kind != "f":
        return float(np.count_nonzero(given != exact))
    wide = given.astype(np.float64)
    same = (wide == exact) | (np.isnan(wide) & np.isnan(exact))
    return max_abs_error(np.where(same, 0, wide), np.where(same, 0, exact))


def _reads(node: ir.Node, graph: ir.Graph) -> tuple[str, ...]:
    values = [value for value in node.inputs if value is not None]
    for attribute in node.attributes.values():
        if attribute.type == ir.AttributeType.GRAPH:
            inner = [attribute.as_graph()]
        elif attribute.type == ir.AttributeType.GRAPHS:
            inner = list(attribute.as_graphs())
        else:
            continue
        for each in inner:
            captured = (value for part in ir.traversal.RecursiveGraphIterator(each) for value in part.inputs)
            values += [value for value in captured if value is not None and value.graph is graph]
    return tuple(dict.fromkeys(value.name for value in values if value.name))
