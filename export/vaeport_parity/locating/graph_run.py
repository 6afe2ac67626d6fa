"""A graph computed node by node, so that values can be replaced and only what follows from them computed again."""

import contextlib
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import AttributeProto, FunctionProto, GraphProto, ModelProto, NodeProto, helper, numpy_helper

from vaeport.errors import InputError

from ..reference.evaluator import (
    densify,
    doubled,
    doubled_inputs,
    evaluator,
    every_node,
    is_random,
    native_evaluator,
    subgraphs,
)
from ..reference.onnx_graph import unoptimised_session
from ..subjects.tensors import Arrays

Values = dict[str, Any]
"""Tensors by name; sequences are lists."""

_WITHOUT_VALUES = ("Shape", "Size")  # their outputs depend on sizes alone
_Runner = Callable[[Mapping[str, Any]], list[Any]]


class GraphRun:
    """A graph on one batch of inputs, each node computed from the values of those before it.

    Floats are float64, or in the graph's own types where it is run natively. A node that onnx's ReferenceEvaluator does
    not know is run by onnxruntime in the graph's own types. Where a node fails, what follows from it has no value.
    """

    def __init__(
        self, model: ModelProto, inputs: Arrays, *, exact: bool = True, constants: Arrays | None = None
    ) -> None:
        """Compute every tensor.

        Args:
            model: the graph, in any float types.
            inputs: a batch, by input name.
            exact: whether floats are computed in float64; else in the graph's own types.
            constants: what is given too, but does not depend on the batch.
        """
        self.model = ModelProto()
        """The graph, sparse weights made dense."""
        self.model.CopyFrom(model)
        densify(self.model.graph)
        self.exact = exact
        """Whether floats are float64."""
        self._runners: dict[int, _Runner | str] = {}
        self._reads = [reads_of(node) for node in self.model.graph.node]
        weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in self.model.graph.initializer}
        weights |= constants or {}
        self.weights: Arrays = doubled_inputs(weights) if exact else weights
        """Initializers by name."""
        self.inputs: Arrays = doubled_inputs(inputs) if exact else dict(inputs)
        """What the caller gave."""
        self.failed: dict[str, str] = {}
        """What was said where a node gave nothing, by its first output."""
        self.values: Values = {**self.weights, **self.inputs}
        """Every tensor outside subgraphs and functions that has a value, by name."""
        for index in range(len(self.model.graph.node)):
            self._compute(index, self.values, self.failed)

    def again(self, replaced: Mapping[str, Any]) -> Values:
        """Every tensor where some have other values than the nodes before them give.

        Args:
            replaced: the values that they have instead, by name.
        """
        values: Values = {**self.values, **replaced}
        failed: dict[str, str] = {}
        changed = set(replaced)
        for index, node in enumerate(self.model.graph.node):
            if changed.isdisjoint(self._reads[index]):
                continue
            made = {name for name in node.output if name}
            if made <= set(replaced):
                continue
            changed |= made
            for name in made:
                values.pop(name, None)
            self._compute(index, values, failed)
            values.update({name: values_of for name, values_of in replaced.items() if name in made})
        return values

    @cached_property
    def makers(self) -> dict[str, NodeProto]:
        """Node by tensor that it makes."""
        return {name: node for node in self.model.graph.node for name in node.output if name}

    @cached_property
    def varying(self) -> frozenset[str]:
        """Tensors that depend on the values of the inputs, not on their sizes alone."""
        varying = set(self.inputs)
        for reads, node in zip(self._reads, self.model.graph.node, strict=True):
            if node.op_type not in _WITHOUT_VALUES and not varying.isdisjoint(reads):
                varying.update(filter(None, node.output))
        return frozenset(varying)

    def above(self, tensor: str) -> list[str]:
        """Tensors that nodes make on the way to one, in order, itself last; sizes and constants are left out."""
        wanted = {tensor}
        for reads, node in zip(reversed(self._reads), reversed(self.model.graph.node), strict=True):
            if not wanted.isdisjoint(node.output):
                wanted.update(reads)
        return [name for name in self.makers if name in wanted and (name in self.varying or name == tensor)]

    def inner(self, node: NodeProto) -> "tuple[GraphRun, Mapping[str, str], str] | None":
        """What a node computes inside, where it calls a function or takes a branch; None for any other.

        Args:
            node: one of the graph's nodes.

        Returns:
            The inner graph, names of its outputs by those of the node, and where it stands in words.
        """
        if any(name and name not in self.values for name in reads_of(node)):
            return None
        name = node.name or next(filter(None, node.output), "")
        function = function_of(node, self.model)
        if function is not None:
            graph = _body(function, node)
            given = {
                formal: self.values[actual]
                for formal, actual in zip(function.input, node.input, strict=False)
                if actual
            }
            opsets = function.opset_import
            outputs = dict(zip(node.output, function.output, strict=False))
            where = f"in function {function.name!r} (called by {name!r})"
        elif node.op_type == "If" and self.values.get(node.input[0]) is not None:
            branch = "then_branch" if bool(np.ravel(self.values[node.input[0]])[0]) else "else_branch"
            graph = next(inner for key, inner in subgraphs(node) if key == branch)
            given = {read: self.values[read] for read in captured_by(graph) if read in self.values}
            opsets = self.model.opset_import
            outputs = dict(zip(node.output, (info.name for info in graph.output), strict=False))
            where = f"in its {branch}"
        else:
            return None
        model = helper.make_model(graph, ir_version=self.model.ir_version, functions=self.model.functions)
        del model.opset_import[:]
        model.opset_import.extend(opsets)
        varying = {actual for actual in reads_of(node) if actual in self.varying}
        if function is not None:
            pairs = zip(function.input, node.input, strict=False)
            varying = {formal for formal, actual in pairs if actual in varying}
        inputs = {name: value for name, value in given.items() if name in varying}
        constants = {name: value for name, value in given.items() if name not in varying}
        return GraphRun(model, inputs, exact=self.exact, constants=constants), outputs, where

    def _compute(self, index: int, values: Values, failed: dict[str, str]) -> None:
        node = self.model.graph.node[index]
        if any(name not in values for name in self._reads[index]):
            return
        first = next(filter(None, node.output), "")
        if index not in self._runners:
            self._runners[index] = self._runner(node, {name: values[name] for name in self._reads[index]})
        runner = self._runners[index]
        if isinstance(runner, str):
            failed[first] = runner
            return
        try:
            made = runner({name: values[name] for name in self._reads[index]})
        except InputError as error:
            failed[first] = str(error)
            return
        values.update({name: value for name, value in zip(node.output, made, strict=False) if name})

    def _runner(self, node: NodeProto, inputs: Mapping[str, Any]) -> _Runner | str:
        """Computes a node; or why nothing can."""
        model = self._alone(node, inputs)
        if random := next((each for each in every_node(model) if is_random(each)), None):
            return f"it draws random numbers ({random.op_type})"
        names = [name for name in node.output if name]
        try:
            evaluated = evaluator(doubled(model)) if self.exact else native_evaluator(model)
        except InputError as error:
            return self._native(model, names, error)

        def run(given: Mapping[str, Any]) -> list[Any]:
            return _in_place(node, dict(zip(names, evaluated.run(names, dict(given)), strict=True)))

        return run

    def _native(self, model: ModelProto, names: list[str], said: InputError) -> _Runner | str:
        """Computes a node that onnx does not know in onnxruntime."""
        for info in model.graph.input:
            for axis in info.type.tensor_type.shape.dim:  # later batches may have another size
                axis.Clear()
            if info.type.tensor_type.elem_type == onnx.TensorProto.DOUBLE:
                info.type.tensor_type.elem_type = onnx.TensorProto.FLOAT
        try:
            session = unoptimised_session(model.SerializeToString(), "it")
        except InputError:
            return str(said)
        node = model.graph.node[0]

        def run(given: Mapping[str, Any]) -> list[Any]:
            narrow = {
                name: np.asarray(value, np.float32) if np.asarray(value).dtype == np.float64 else value
                for name, value in given.items()
            }
            try:
                made = dict(zip(names, session.run(names, narrow), strict=True))
            except Exception as error:  # onnxruntime's own errors share no base
                raise InputError(f"onnxruntime: {' '.join(str(error).split())[:200]}") from error
            return _in_place(node, doubled_inputs(made) if self.exact else made)

        return run

    def _alone(self, node: NodeProto, inputs: Mapping[str, Any]) -> ModelProto:
        """A graph of one node, of which everything that it reads is an input."""
        infos = [_info(name, value) for name, value in inputs.items()]
        outputs = [helper.make_empty_tensor_value_info(name) for name in node.output if name]
        graph = helper.make_graph([node], "node", infos, outputs)
        model = helper.make_model(graph, ir_version=self.model.ir_version, functions=self.model.functions)
        del model.opset_import[:]
        model.opset_import.extend(self.model.opset_import)
        return model


def reads_of(node: NodeProto) -> tuple[str, ...]:
    """Everything that a node is computed from: its inputs, and what its subgraphs read from outside."""
    captured = (name for _, graph in subgraphs(node) for name in captured_by(graph))
    return tuple(dict.fromkeys(name for name in (*node.input, *captured) if name))


def captured_by(graph: GraphProto) -> tuple[str, ...]:
    """Tensors that a subgraph reads from outside."""
    own = {info.name for info in graph.input} | {tensor.name for tensor in graph.initializer}
    captured: dict[str, None] = {}
    for node in graph.node:
        captured.update(dict.fromkeys(name for name in reads_of(node) if name not in own))
        own.update(node.output)
    captured.update(dict.fromkeys(info.name for info in graph.output if info.name not in own))
    return tuple(captured)


def function_of(node: NodeProto, model: ModelProto) -> FunctionProto | None:
    """The model's own function that a node calls; None where it calls none."""
    keys = ((one, one.domain, one.name) for one in model.functions)
    return next((one for one, domain, name in keys if (domain, name) == (node.domain, node.op_type)), None)


def _body(function: FunctionProto, call: NodeProto) -> GraphProto:
    """A function's nodes with the attributes of one call put in."""
    given = {attribute.name: attribute for attribute in function.attribute_proto}
    given |= {attribute.name: attribute for attribute in call.attribute}
    nodes = []
    for node in function.node:
        copy = NodeProto()
        copy.CopyFrom(node)
        _put_in(copy, given)
        nodes.append(copy)
    inputs = [helper.make_empty_tensor_value_info(name) for name in function.input]
    outputs = [helper.make_empty_tensor_value_info(name) for name in function.output]
    return helper.make_graph(nodes, function.name, inputs, outputs)


def _put_in(node: NodeProto, given: Mapping[str, AttributeProto]) -> None:
    kept = []
    for attribute in node.attribute:
        if not attribute.ref_attr_name:
            kept.append(attribute)
        elif attribute.ref_attr_name in given:
            actual = AttributeProto()
            actual.CopyFrom(given[attribute.ref_attr_name])
            actual.name = attribute.name
            kept.append(actual)
    kept = [AttributeProto.FromString(attribute.SerializeToString()) for attribute in kept]
    del node.attribute[:]
    node.attribute.extend(kept)
    for _, graph in subgraphs(node):
        for inner in graph.node:
            _put_in(inner, given)


def _info(name: str, value: Any) -> onnx.ValueInfoProto:
    with contextlib.suppress(KeyError, ValueError, TypeError):
        array: NDArray[Any] = np.asarray(value) if isinstance(value, np.ndarray | np.generic) else value
        return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), list(array.shape))
    return helper.make_empty_tensor_value_info(name)


def _in_place(node: NodeProto, made: Mapping[str, Any]) -> list[Any]:
    values = (made.get(name) for name in node.output)
    kinds = (np.ndarray, np.generic)
    return [np.asarray(value, order="C") if isinstance(value, kinds) else value for value in values]
