"""What a sealed graph has that a fresh export of its checkpoint has not, node by node and weight by weight."""

from collections.abc import Iterator

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from vaeport_export.bundle.subject import Subject

_MOST_NAMED = 3


def file_differences(model: ModelProto, fresh: ModelProto) -> list[str]:
    """Differences, what is missing first, then in the order in which the graph computes; empty where there are none.

    Args:
        model: the graph as it is in the bundle.
        fresh: the graph as the exporter makes it now from the bundle's checkpoint.
    """
    weights, made = _weights(model), _weights(fresh)
    nodes, known = {_key(node): node for node in model.graph.node}, {_key(node): node for node in fresh.graph.node}
    found = [f"{describe(node)} is missing" for key, node in known.items() if key not in nodes]
    found += [text for node in model.graph.node for text in _node_differences(node, known, weights, made)]
    floats = {name for name, tensor in made.items() if tensor.data_type == TensorProto.FLOAT and len(tensor.dims)}
    changed = [name for name in floats if name in weights and _change(weights[name], made[name])]
    if len(changed) > 1 and len(changed) == len(floats):
        found.insert(0, f"all {len(changed)} weights differ from the checkpoint's: the graph is of another checkpoint")
    return found


def fresh_export(subject: Subject, graph: str) -> ModelProto:
    """The graph as the exporter makes it from the checkpoint, in the opset of the bundle's file."""
    import onnx

    from vaeport_export.graph.onnx_file import GraphDescription, export_graph

    manifest = subject.bundle.manifest
    sealed = onnx.load_model_from_string(subject.onnx(graph))
    opset = max(entry.version for entry in sealed.opset_import if entry.domain in ("", "ai.onnx"))
    description = GraphDescription(manifest.name, manifest.labels, manifest.shapes)
    return onnx.load_model_from_string(export_graph(subject.module(graph), graph, description, opset=opset))


def describe(node: NodeProto) -> str:
    """A node by name, operator and inputs."""
    return f"node {node.name or node.output[0]!r} ({node.op_type} of {', '.join(filter(None, node.input))})"


def _key(node: NodeProto) -> str:
    return node.name or node.output[0]


def _weights(model: ModelProto) -> dict[str, TensorProto]:
    return {tensor.name: tensor for tensor in model.graph.initializer}


def _node_differences(
    node: NodeProto,
    known: dict[str, NodeProto],
    weights: dict[str, TensorProto],
    made: dict[str, TensorProto],
) -> Iterator[str]:
    expected = known.get(_key(node))
    if expected is None:
        yield f"{describe(node)} is not in the export"
        return
    if node.op_type != expected.op_type:
        yield f"{describe(node)} is a {expected.op_type} in the export"
    if list(node.input) != list(expected.input):
        yield f"{describe(node)} reads {', '.join(expected.input)} in the export"
    if list(node.output) != list(expected.output):
        yield f"{describe(node)} gives {', '.join(node.output)}, in the export {', '.join(expected.output)}"
    given, wanted = ({a.name: helper.get_attribute_value(a) for a in one.attribute} for one in (node, expected))
    for name in sorted(given.keys() | wanted.keys()):
        if given.get(name) != wanted.get(name):
            yield f"{describe(node)} has {name} = {given.get(name)}, in the export {wanted.get(name)}"
    for name in node.input:
        if name in weights and name in made and (change := _change(weights[name], made[name])):
            yield f"{describe(node)}: {name} {change}"


def _change(given: TensorProto, wanted: TensorProto) -> str:
    """How a weight differs from the checkpoint's; empty if it does not."""
    values, expected = numpy_helper.to_array(given), numpy_helper.to_array(wanted)
    if given.data_type != wanted.data_type:
        kinds = [TensorProto.DataType.Name(one.data_type).lower() for one in (given, wanted)]
        return f"is {kinds[0]}, in the export {kinds[1]}"
    if values.shape != expected.shape:
        return f"is {list(values.shape)}, in the export {list(expected.shape)}"
    if np.array_equal(values, expected, equal_nan=values.dtype.kind == "f"):
        return ""
    if values.size <= _MOST_NAMED + 1:
        return f"is {values.tolist()}, in the export {expected.tolist()}"
    if values.dtype.kind == "f" and np.array_equal(values, expected.astype(np.float16).astype(values.dtype)):
        return "is rounded to float16"
    off = values != expected
    largest = np.max(np.abs(values.astype(np.float64) - expected.astype(np.float64)))
    return f"differs from the checkpoint's in {int(off.sum())} of {values.size} values, by up to {largest:.2g}"
