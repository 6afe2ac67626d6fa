"""ONNX graphs computed in float64 by onnx's ReferenceEvaluator, whatever float types they were written in."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper
from onnx.inliner import inline_local_functions, inline_selected_functions
from onnx.reference import ReferenceEvaluator

from vaeport.errors import InputError

from .operators import CORRECTED, has_implementation

_QUANTISED = 19  # the first opset whose QuantizeLinear the evaluator has
_NARROW = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BFLOAT16)
_TYPE_ATTRIBUTES = ("to", "dtype", "output_dtype", "output_datatype", "softmax_precision")
_RANDOM = ("RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Multinomial", "Bernoulli")
_WRITTEN_OUT = ("AffineGrid",)  # the evaluator's own code rounds to float32, the standard's body does not
_IN_FLOAT32 = ("CausalConvWithState", "LinearAttention")  # the same, but their bodies cannot be inlined
_STANDARD = ("", "ai.onnx")


def reference_arithmetic() -> np.errstate:
    """No warnings of overflow: its sigmoid takes both of its formulas everywhere, then chooses where each is sound."""
    return np.errstate(all="ignore")


def evaluable(model: ModelProto) -> ModelProto:
    """A graph that the evaluator knows all operators of: changed in place where it is quantised, and returned.

    QuantizeLinear and DequantizeLinear of opset 18 do the same in 19, where they only take more types.
    """
    if any(node.op_type == "QuantizeLinear" for node in every_node(model)):
        for entry in model.opset_import:
            if entry.domain in _STANDARD:
                entry.version = max(entry.version, _QUANTISED)
    return model


def float64_evaluator(model: ModelProto) -> ReferenceEvaluator:
    """An evaluator that runs a graph in float64; its inputs are given in float64, its integers as they are.

    Operators that onnx's own evaluator has wrong, or computes in float32, are corrected.

    Args:
        model: a graph in any float types.

    Raises:
        InputError: the graph draws random numbers, or has an operator that cannot be evaluated; the text names it.
    """
    return evaluator(doubled(model))


def native_evaluator(model: ModelProto) -> ReferenceEvaluator:
    """An evaluator that runs a graph in its own types, with the same corrections as `float64_evaluator`.

    Raises:
        InputError: the graph draws random numbers, or has an operator that cannot be evaluated; the text names it.
    """
    return evaluator(_expanded(model))


def evaluator(model: ModelProto) -> ReferenceEvaluator:
    """An evaluator for a graph that `doubled` made, or a part of one.

    Raises:
        InputError: onnx cannot load it.
    """
    try:
        return _Evaluator(model, new_ops=list(CORRECTED))
    except Exception as error:  # onnx raises errors of all kinds here
        said = " ".join(str(error).split())[:200]
        raise InputError(f"the reference evaluator of onnx {onnx.__version__} cannot load the graph: {said}") from error


def doubled_inputs(inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Inputs for `float64_evaluator`: floats, bfloat16 among them, in float64; integers and booleans as they are."""
    return {name: values.astype(np.float64) if _is_float(values) else values for name, values in inputs.items()}


def doubled(model: ModelProto) -> ModelProto:
    """The same graph in float64.

    Local functions are inlined, operators that the evaluator only knows as functions are written out, sparse constants
    become dense; every float initializer, constant, conversion and declared type, in subgraphs too, becomes float64.
    Names of tensors outside functions stay.

    Args:
        model: a graph in float16, bfloat16, float32 or several of them.

    Raises:
        InputError: the graph draws random numbers, or has an operator that cannot be evaluated; the text names it.
    """
    copy = _expanded(model)
    for node in every_node(copy):
        if node.domain == "" and node.op_type in _IN_FLOAT32:
            raise InputError(
                f"{_named(node)} is a {node.op_type}, which onnx's reference evaluator has in float32 only"
            )
    _double_graph(copy.graph)
    for function in copy.functions:
        _double_nodes(function.node)
    return copy


def is_random(node: NodeProto) -> bool:
    """Whether a node draws random numbers."""
    return node.domain in _STANDARD and node.op_type in _RANDOM


def every_node(model: ModelProto) -> Iterator[NodeProto]:
    """All nodes of a graph, those of its subgraphs and functions too."""
    yield from _nodes_within(model.graph.node)
    for function in model.functions:
        yield from _nodes_within(function.node)


def subgraphs(node: NodeProto) -> Iterator[tuple[str, GraphProto]]:
    """Subgraphs of a node (If, Loop, Scan, SequenceMap), each with the name of its attribute."""
    for attribute in node.attribute:
        if attribute.type == AttributeProto.GRAPH:
            yield attribute.name, attribute.g
        yield from ((attribute.name, graph) for graph in attribute.graphs)


class _Evaluator(ReferenceEvaluator):
    """Names the node where it fails."""

    _at = "the graph"

    def run(self, *args: Any, **options: Any) -> Any:
        """Run the graph.

        Raises:
            InputError: a node cannot be evaluated; the text names it.
        """
        try:
            with reference_arithmetic():
                return super().run(*args, **options)
        except InputError:
            raise
        except Exception as error:
            said = " ".join(str(error).split())[:200] or type(error).__name__
            raise InputError(f"the reference evaluator of onnx cannot compute {self._at}: {said}") from error

    def _log(self, level: int, _pattern: str, *args: Any) -> None:
        """Called by onnx before it runs each node, with operator, inputs and outputs."""
        if level == 1:
            self._at = f"{args[2][0]!r} ({args[0]} of {', '.join(filter(None, args[1]))})"


def _expanded(model: ModelProto) -> ModelProto:
    """A copy without local functions, with nothing in it that the evaluator does not know."""
    copy = ModelProto()
    copy.CopyFrom(model)
    for entry in copy.opset_import:
        entry.domain = "" if entry.domain == "ai.onnx" else entry.domain
    for node in every_node(copy):
        node.domain = "" if node.domain == "ai.onnx" else node.domain
        if (node.domain, node.op_type) == ("", "Scatter"):
            node.op_type = "ScatterElements"  # its name since opset 11
    densify(copy.graph)
    if copy.functions:
        copy = inline_local_functions(copy, convert_version=True)
    copy = evaluable(_with_functions_written_out(copy))
    for node in every_node(copy):
        _check(node, copy.functions)
    return copy


def _with_functions_written_out(model: ModelProto) -> ModelProto:
    """Operators for which the evaluator has no code of its own, or only code that rounds, as their standard bodies."""
    known: set[tuple[str, str]] = set()
    version = next((entry.version for entry in model.opset_import if entry.domain in _STANDARD), 1)
    for _ in range(4):  # bodies call functions in turn
        kinds = {
            node.op_type
            for node in every_node(model)
            if node.domain in _STANDARD and (node.op_type in _WRITTEN_OUT or not has_implementation(node))
        }
        wanted = {kind for kind in kinds if _has_body(kind, version)}
        new = {("", kind) for kind in wanted} - known
        if not new:
            break
        known |= new
        _state_defaults(model, wanted, version)
        try:
            model = inline_selected_functions(model, sorted(new), inline_schema_functions=True)
        except RuntimeError as error:
            names = ", ".join(kind for _, kind in sorted(new))
            raise InputError(f"onnx cannot write out the function that {names} stands for: {error}") from error
    return model


def _has_body(kind: str, version: int) -> bool:
    """Whether the standard words an operator as a function of others."""
    if not onnx.defs.has(kind):
        return False
    schema: Any = onnx.defs.get_schema(kind, version)  # its types leave out what is asked here
    return bool(schema.has_function or schema.has_context_dependent_function)


def _state_defaults(model: ModelProto, kinds: set[str], version: int) -> None:
    """Give nodes the attributes that they leave to their default, which onnx's inliner would drop."""
    for node in every_node(model):
        if node.domain not in _STANDARD or node.op_type not in kinds:
            continue
        given = {attribute.name for attribute in node.attribute}
        for name, attribute in onnx.defs.get_schema(node.op_type, version).attributes.items():
            if name not in given and attribute.default_value.type:
                node.attribute.append(attribute.default_value)


def _check(node: NodeProto, functions: Any) -> None:
    where = _named(node)
    if is_random(node):
        raise InputError(
            f"{where} is a {node.op_type}: a graph that draws random numbers has no right answer to compare with"
        )
    if not has_implementation(node) and not any(
        (one.domain, one.name) == (node.domain, node.op_type) for one in functions
    ):
        full = f"{node.domain}::{node.op_type}" if node.domain not in _STANDARD else node.op_type
        raise InputError(f"{where} is a {full}, which the reference evaluator of onnx {onnx.__version__} does not know")


def _named(node: NodeProto) -> str:
    return f"node {node.name or next(filter(None, node.output), '')!r}"


def _nodes_within(nodes: Any) -> Iterator[NodeProto]:
    for node in nodes:
        yield node
        for _, graph in subgraphs(node):
            yield from _nodes_within(graph.node)


def densify(graph: GraphProto) -> None:
    """Change a graph in place: sparse initializers and constants as dense ones, which mean the same."""
    graph.initializer.extend(_dense(sparse, sparse.values.name) for sparse in graph.sparse_initializer)
    del graph.sparse_initializer[:]
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.type == AttributeProto.SPARSE_TENSOR:
                dense = _dense(attribute.sparse_tensor, "")
                attribute.CopyFrom(helper.make_attribute("value", dense))
        for _, inner in subgraphs(node):
            densify(inner)


def _dense(sparse: onnx.SparseTensorProto, name: str) -> TensorProto:
    values, indices = numpy_helper.to_array(sparse.values), numpy_helper.to_array(sparse.indices)
    dense = np.zeros(tuple(sparse.dims), values.dtype)
    places = np.ravel_multi_index(tuple(indices.T), dense.shape) if indices.ndim == 2 else indices
    dense.reshape(-1)[places] = values
    return numpy_helper.from_array(dense, name)


def _double_graph(graph: GraphProto) -> None:
    for tensor in graph.initializer:
        _double_tensor(tensor)
    for info in (*graph.input, *graph.output, *graph.value_info):
        _double_type(info.type)
    _double_nodes(graph.node)


def _double_nodes(nodes: Any) -> None:
    for node in nodes:
        kinds = [attribute.name for attribute in node.attribute]
        for attribute in node.attribute:
            _double_attribute(attribute)
        if node.op_type == "Constant" and ("value_float" in kinds or "value_floats" in kinds):
            value = helper.get_attribute_value(node.attribute[0])
            node.attribute[0].CopyFrom(helper.make_attribute("value", _double_constant(value)))
        elif node.op_type == "ConstantOfShape" and "value" not in kinds:
            node.attribute.append(helper.make_attribute("value", _double_constant([0.0])))


def _double_constant(value: Any) -> TensorProto:
    return numpy_helper.from_array(np.array(value, np.float64))


def _double_attribute(attribute: AttributeProto) -> None:
    if attribute.HasField("t"):
        _double_tensor(attribute.t)
    for tensor in attribute.tensors:
        _double_tensor(tensor)
    if attribute.HasField("g"):
        _double_graph(attribute.g)
    for graph in attribute.graphs:
        _double_graph(graph)
    if attribute.HasField("tp"):
        _double_type(attribute.tp)
    for kind in attribute.type_protos:
        _double_type(kind)
    if attribute.name in _TYPE_ATTRIBUTES and attribute.i in _NARROW:
        attribute.i = TensorProto.DOUBLE


def _double_tensor(tensor: TensorProto) -> None:
    if tensor.data_type in _NARROW:
        tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float64), tensor.name))


def _double_type(kind: onnx.TypeProto) -> None:
    held = kind.WhichOneof("value")
    if held == "tensor_type" and kind.tensor_type.elem_type in _NARROW:
        kind.tensor_type.elem_type = TensorProto.DOUBLE
    elif held == "sequence_type":
        _double_type(kind.sequence_type.elem_type)
    elif held == "optional_type":
        _double_type(kind.optional_type.elem_type)


def _is_float(values: NDArray[Any]) -> bool:
    return values.dtype.kind == "f" or values.dtype.name == "bfloat16"
