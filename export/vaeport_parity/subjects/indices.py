"""Integer inputs that are an index of a table in the graph: what range they have."""

from collections.abc import Iterable

from onnx import GraphProto, ModelProto, NodeProto, numpy_helper

_PASSING = ("Identity", "Cast", "Reshape", "Unsqueeze", "Squeeze", "Flatten", "Transpose", "Expand", "Slice", "Split")
"""Operators that hand values on as they are."""


def index_ranges(model: ModelProto) -> dict[str, int]:
    """How many entries the table has that an input is an index of, by input name; the smallest of several tables.

    Read from Gather and GatherElements with a weight for a table, in local functions no deeper than the main graph, and
    from OneHot with a constant depth.
    """
    sizes: dict[str, int] = {}
    for value in model.graph.input:
        found = [size for size in _table_sizes(model.graph, value.name) if size]
        if found:
            sizes[value.name] = min(found)
    return sizes


def _table_sizes(graph: GraphProto, name: str) -> Iterable[int]:
    open_names, seen = [name], {name}
    while open_names:
        current = open_names.pop()
        for node in graph.node:
            if current not in node.input:
                continue
            size = _table_size(graph, node, current)
            if size:
                yield size
            elif node.op_type in _PASSING and node.input[0] == current:
                fresh = [output for output in node.output if output not in seen]
                open_names += fresh
                seen.update(fresh)


def _table_size(graph: GraphProto, node: NodeProto, index: str) -> int:
    if node.op_type in ("Gather", "GatherElements") and len(node.input) > 1 and node.input[1] == index:
        shape = _constant_shape(graph, node.input[0])
        axis = next((attribute.i for attribute in node.attribute if attribute.name == "axis"), 0)
        return shape[axis] if shape and -len(shape) <= axis < len(shape) else 0
    if node.op_type == "OneHot" and node.input[0] == index:
        depth = next((tensor for tensor in graph.initializer if tensor.name == node.input[1]), None)
        return int(numpy_helper.to_array(depth).reshape(-1)[0]) if depth is not None else 0
    return 0


def _constant_shape(graph: GraphProto, name: str) -> tuple[int, ...]:
    """Shape of a weight, or of a constant; through Identity, Transpose and Cast it is not followed."""
    for tensor in graph.initializer:
        if tensor.name == name:
            return tuple(tensor.dims)
    for node in graph.node:
        if node.op_type == "Constant" and name in node.output:
            return next((tuple(a.t.dims) for a in node.attribute if a.name == "value"), ())
        if node.op_type in ("Identity", "Cast", "DequantizeLinear") and name in node.output:
            return _constant_shape(graph, node.input[0])
    return ()
