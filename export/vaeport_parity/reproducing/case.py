"""A graph with one output and the inputs that it is run on, small enough to be changed and tried again."""

import contextlib
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import ModelProto, helper, numpy_helper

from vaeport.errors import InputError

from ..reference.evaluator import doubled, doubled_inputs, evaluator, native_evaluator
from ..subjects.tensors import Arrays, is_float


@dataclass(frozen=True, eq=False)
class Case:
    """A graph and one run of it. What is computed of it is kept, so that it must not be changed in place."""

    model: ModelProto
    """The graph; it has one output, and states types and ranks of its inputs and of the output."""
    inputs: Arrays
    """One array for each input of the graph, by name."""

    @property
    def output(self) -> str:
        """Name of the output."""
        return str(self.model.graph.output[0].name)

    @property
    def nodes(self) -> int:
        """How many nodes it has."""
        return len(self.model.graph.node)

    @cached_property
    def weights(self) -> Arrays:
        """Initializers by name."""
        return {tensor.name: numpy_helper.to_array(tensor) for tensor in self.model.graph.initializer}

    @cached_property
    def values(self) -> Arrays:
        """Every tensor of the graph in float64, integers as they are.

        Raises:
            InputError: it cannot be evaluated.
        """
        return every_value(evaluator(doubled(self.model)), doubled_inputs(self.inputs))

    @cached_property
    def native_values(self) -> Arrays:
        """Every tensor of the graph in its own type, as onnx's evaluator has it.

        Raises:
            InputError: it cannot be evaluated.
        """
        return every_value(native_evaluator(self.model), dict(self.inputs))

    @property
    def exact(self) -> NDArray[Any]:
        """The right answer, in float64 where it is a float.

        Raises:
            InputError: the graph cannot be evaluated.
        """
        return self.values[self.output]

    @cached_property
    def key(self) -> str:
        """Tells cases apart."""
        digest = hashlib.sha256(self.model.SerializeToString(deterministic=True))
        for name, values in self.inputs.items():
            digest.update(f"{name} {values.dtype.name} {values.shape}".encode())
            digest.update(np.ascontiguousarray(values).tobytes())
        return str(digest.hexdigest())

    @cached_property
    def is_consistent(self) -> bool:
        """Whether all shapes that can be inferred fit each other: a runtime may refuse what numpy would take."""
        try:
            onnx.checker.check_model(self.model, full_check=True)
        except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError):
            return False
        return True

    @cached_property
    def size(self) -> tuple[int, int, int, int]:
        """How much there is to read: nodes, tensors, numbers in them, and digits of the different ones."""
        arrays = [*self.inputs.values(), *self.weights.values()]
        attributes = sum(len(node.attribute) + len(node.input) for node in self.model.graph.node)
        symbolic = sum(len(set(_symbols(value))) for value in self.model.graph.input)
        tensors = sum(1 + array.ndim for array in arrays) + attributes + symbolic
        return self.nodes, tensors, sum(a.size for a in arrays), sum(map(_digits, arrays))


def make_case(model: ModelProto, inputs: Mapping[str, NDArray[Any]]) -> Case:
    """A case from a changed graph: what is not used any more is dropped, and types and shapes are stated anew.

    Args:
        model: the graph, changed in place.
        inputs: arrays of at least its inputs. An axis that the graph has as symbolic stays so.

    Raises:
        InputError: the graph is not one, or cannot be evaluated.
    """
    graph = model.graph
    _drop_unused(model)
    if not graph.input:
        raise InputError("the output depends on no input")
    given = {value.name: inputs[value.name] for value in graph.input}
    for value in graph.input:
        _state(value, given[value.name], value.type)
    case = Case(model, given)
    native = case.native_values.get(case.output)
    if native is None:
        raise InputError(f"the output {case.output!r} is no tensor")
    symbolic = next((name for name in symbolic_batches(model)), "")
    shape = _inferred(model, native, symbolic, len(next(iter(given.values()), native)) if given else 0)
    kind = helper.make_tensor_type_proto(helper.np_dtype_to_tensor_dtype(native.dtype), shape)
    graph.output[0].type.CopyFrom(kind)
    try:
        onnx.checker.check_model(model)
    except onnx.checker.ValidationError as error:
        raise InputError(f"the graph is not valid: {' '.join(str(error).split())[:200]}") from error
    if case.exact.shape != native.shape:
        raise InputError("the graph has another shape in float64")
    return case


def copied(case: Case) -> ModelProto:
    """The graph of a case, to be changed."""
    model = ModelProto()
    model.CopyFrom(case.model)
    return model


def symbolic_batches(model: ModelProto) -> list[str]:
    """Names of the symbolic first axes of the inputs."""
    found = [value.type.tensor_type.shape.dim[:1] for value in model.graph.input]
    return list(dict.fromkeys(axis.dim_param for axes in found for axis in axes if axis.dim_param))


def narrowed(values: NDArray[Any], like: NDArray[Any]) -> NDArray[Any]:
    """Values of float64 in the type that a graph has them in."""
    return values.astype(like.dtype) if is_float(like.dtype) else like


def every_value(run: Any, inputs: Mapping[str, NDArray[Any]]) -> Arrays:
    """Every tensor outside subgraphs that an evaluator computes, by name; sequences are left out."""
    values = run.run(None, dict(inputs), intermediate=True)
    return {name: np.asarray(value) for name, value in values.items() if isinstance(value, np.ndarray | np.generic)}


def set_weight(model: ModelProto, name: str, values: NDArray[Any]) -> None:
    """Give an initializer other values."""
    for tensor in model.graph.initializer:
        if tensor.name == name:
            tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(values).reshape(values.shape), name))


def _drop_unused(model: ModelProto) -> None:
    """Take away nodes, inputs and initializers that do not lead to the output."""
    graph = model.graph
    wanted = {graph.output[0].name}
    kept = []
    for node in reversed(graph.node):
        if wanted.isdisjoint(node.output):
            continue
        kept.append(node)
        wanted.update(_reads(node))
    kept.reverse()
    nodes = [onnx.NodeProto.FromString(node.SerializeToString()) for node in kept]
    del graph.node[:]
    graph.node.extend(nodes)
    del graph.value_info[:]
    for field in (graph.initializer, graph.input):
        unused = [place for place, value in enumerate(field) if value.name not in wanted]
        for place in reversed(unused):
            del field[place]
    called = {(node.domain, node.op_type) for node in every_inner_node(model)}
    for place in reversed(range(len(model.functions))):
        if (model.functions[place].domain, model.functions[place].name) not in called:
            del model.functions[place]


def every_inner_node(model: ModelProto) -> Iterator[onnx.NodeProto]:
    """All nodes, those of subgraphs and functions too."""
    unread = [*model.graph.node, *(node for function in model.functions for node in function.node)]
    while unread:
        node = unread.pop()
        yield node
        for attribute in node.attribute:
            for inner in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
                unread.extend(inner.node)


def _reads(node: onnx.NodeProto) -> set[str]:
    """Names that a node reads, by its subgraphs too; those may be names inside of them, which does no harm."""
    names = set(node.input)
    for attribute in node.attribute:
        for inner in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
            names |= {value.name for value in inner.output}
            for each in inner.node:
                names |= _reads(each)
    return names


def _state(value: onnx.ValueInfoProto, array: NDArray[Any], old: onnx.TypeProto) -> None:
    """State the type of an input; axes that were symbolic stay so."""
    axes: list[int | str] = list(array.shape)
    stated = old.tensor_type.shape.dim
    if len(stated) == len(axes):
        axes = [axis.dim_param or size for axis, size in zip(stated, axes, strict=True)]
    value.type.CopyFrom(helper.make_tensor_type_proto(helper.np_dtype_to_tensor_dtype(array.dtype), axes))


def _inferred(model: ModelProto, answer: NDArray[Any], symbolic: str, rows: int) -> list[int | str]:
    """The shape of the output: symbolic axes where onnx infers such, else the sizes of the answer."""
    graph = model.graph
    kind = helper.np_dtype_to_tensor_dtype(answer.dtype)
    graph.output[0].type.CopyFrom(helper.make_tensor_type_proto(kind, None))
    axes: list[int | str] = list(answer.shape)
    anywhere = any(axis.dim_param for value in graph.input for axis in value.type.tensor_type.shape.dim)
    if not anywhere:
        return axes
    with contextlib.suppress(onnx.shape_inference.InferenceError):
        shape = onnx.shape_inference.infer_shapes(model, data_prop=True).graph.output[0].type.tensor_type.shape
        known = {axis.dim_param for value in graph.input for axis in value.type.tensor_type.shape.dim}
        if len(shape.dim) == len(axes):
            for place, axis in enumerate(shape.dim):
                if not axis.HasField("dim_value"):
                    axes[place] = axis.dim_param if axis.dim_param in known else f"{graph.output[0].name}_{place}"
    if axes and symbolic and isinstance(axes[0], str) and answer.shape[0] == rows:
        axes[0] = symbolic
    return axes


def _symbols(value: onnx.ValueInfoProto) -> list[str]:
    return [axis.dim_param for axis in value.type.tensor_type.shape.dim if axis.dim_param]


def _digits(values: NDArray[Any]) -> int:
    different = np.unique(values.astype(np.float64))[:64] if values.dtype.kind not in "biu" else values.reshape(-1)[:0]
    return sum(len(f"{value:.9g}".lstrip("-")) + (value != 0) for value in different.tolist())


def short_names(case: Case) -> dict[str, str]:
    """A short name for every tensor: `x` for inputs, `w` for initializers, `t` between, `y` for the output."""
    graph = case.model.graph
    names: dict[str, str] = {}
    made = [name for node in graph.node for name in node.output if name and name != case.output]
    groups = (("x", [v.name for v in graph.input]), ("w", [t.name for t in graph.initializer]), ("t", made))
    for letter, group in groups:
        for place, name in enumerate(dict.fromkeys(group)):
            names[name] = letter if len(group) == 1 else f"{letter}{place}"
    return names | {case.output: "y"}
