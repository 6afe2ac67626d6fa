"""Attacks on a graph as a whole: its wiring, its interface, bombs, and everything that no stranger's graph may hold."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import onnx
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from onnx import TensorProto, helper

from .graph_values import FLOATS, INTEGERS, TEXTS, bend_some_attribute, bend_some_tensor

Change = Callable[[onnx.ModelProto, random.Random], None]

_LOCATIONS = (
    *(b"etc/passwd", b"/etc/passwd", b"../../../../etc/passwd", b"golden.npz", b"model.onnx", b"", b"/dev/zero", b"."),
    *(b"/proc/self/mem", b"*/_ORT_MEM_ADDR_/*", b"\\\\host\\share", b"file:///etc/passwd", b"a/../../b", b"nul\0.bin"),
)


def _rename_operator(model: onnx.ModelProto, dice: random.Random) -> None:
    node = dice.choice(model.graph.node)
    names = sorted({schema.name for schema in onnx.defs.get_all_schemas()})
    node.op_type = dice.choice((dice.choice(names), "", "gemm", "Gemm\0", "FusedGemm", "QLinearSigmoid", "x" * 1000))
    if dice.random() < 0.15:
        node.domain = dice.choice(
            ("ai.onnx", "com.microsoft", "ai.onnx.ml", "x", "ai.onnx.training", "com.microsoft.nchwc")
        )


def _swap_names(model: onnx.ModelProto, dice: random.Random) -> None:
    """An input or output of a node gets the name of another tensor."""
    names = [name for node in model.graph.node for name in (*node.input, *node.output)] + ["", "nothing", "image"]
    node = dice.choice(model.graph.node)
    held = node.input if dice.random() < 0.7 or not node.output else node.output
    if held:
        held[dice.randrange(len(held))] = dice.choice(names)


def _change_arity(model: onnx.ModelProto, dice: random.Random) -> None:
    node = dice.choice(model.graph.node)
    held = node.input if dice.random() < 0.6 else node.output
    if held and dice.random() < 0.5:
        del held[dice.randrange(len(held))]
    else:
        held.extend(dice.choice((["extra"], [""] * 3, list(node.input), ["many"] * 300)))


def _move_node(model: onnx.ModelProto, dice: random.Random) -> None:
    nodes = list(model.graph.node)
    nodes.insert(dice.randrange(len(nodes)), nodes.pop(dice.randrange(len(nodes))))
    if dice.random() < 0.4:
        nodes = nodes[: dice.randrange(len(nodes) + 1)]
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def _repeat_node(model: onnx.ModelProto, dice: random.Random) -> None:
    node = dice.choice(model.graph.node)
    model.graph.node.extend([node] * dice.choice((1, 2, 50)))


def _grow_in_steps(model: onnx.ModelProto, dice: random.Random) -> None:
    """Tensors that double, or multiply, from node to node."""
    stem, name = f"grow{len(model.graph.node)}", model.graph.input[0].name
    nodes = []
    for step in range(dice.choice((3, 12, 40))):
        kind = dice.choice(("Concat", "Tile", "Expand", "MatMul", "Einsum"))
        made = f"{stem}.{step}"
        if kind == "Tile":
            constant = helper.make_tensor(f"{made}.by", TensorProto.INT64, [2], [1, dice.choice((2, 64, 2**20))])
            model.graph.initializer.append(constant)
            nodes.append(helper.make_node("Tile", [name, constant.name], [made]))
        else:
            nodes.append(
                helper.make_node("Concat", [name] * dice.choice((2, 30)), [made], axis=dice.choice((0, 1, -1)))
            )
        name = made
    nodes.append(helper.make_node("ReduceMax", [name], [f"{stem}.end"], keepdims=0))
    model.graph.node.extend(nodes)


def _blow_up(model: onnx.ModelProto, dice: random.Random) -> None:
    """A large tensor from a few bytes, whose largest value goes into the answer."""
    stem, size = f"bomb{len(model.graph.node)}", dice.choice((10**4, 10**6, 2**24, 2**28, 2**31, 2**40, 2**62))
    shape = helper.make_tensor(f"{stem}.shape", TensorProto.INT64, [1], [size])
    one = helper.make_tensor(f"{stem}.one", TensorProto.FLOAT, [], [1.0])
    zero = helper.make_tensor(f"{stem}.0", TensorProto.INT64, [], [0])
    step = helper.make_tensor(f"{stem}.1", TensorProto.INT64, [], [1])
    limit = helper.make_tensor(f"{stem}.n", TensorProto.INT64, [], [size])
    model.graph.initializer.extend([shape, one, zero, step, limit])
    node = dice.choice(
        (
            helper.make_node("ConstantOfShape", [shape.name], [stem]),
            helper.make_node("Expand", [one.name, shape.name], [stem]),
            helper.make_node("Range", [zero.name, limit.name, step.name], [stem]),
        )
    )
    after = [
        helper.make_node("Cast", [stem], [f"{stem}.float"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMax", [f"{stem}.float"], [f"{stem}.end"], keepdims=0),
    ]
    last = model.graph.node[-1]
    output = last.output[0]
    last.output[0] = f"{stem}.before"
    model.graph.node.extend([node, *after, helper.make_node("Add", [f"{stem}.before", f"{stem}.end"], [output])])


def _point_outside(model: onnx.ModelProto, dice: random.Random) -> None:
    """External data, wherever a tensor may stand."""
    tensors = list(model.graph.initializer)
    if dice.random() < 0.4:
        node = helper.make_node("Constant", [], [f"outside{len(model.graph.node)}"])
        node.attribute.append(helper.make_attribute("value", helper.make_tensor("v", TensorProto.FLOAT, [1], [0.0])))
        model.graph.node.insert(0, node)
        tensors = [model.graph.node[0].attribute[0].t]
    elif dice.random() < 0.2:
        sparse = model.graph.sparse_initializer.add()
        sparse.dims.extend([4])
        sparse.values.CopyFrom(helper.make_tensor("sparse", TensorProto.FLOAT, [1], [0.0]))
        tensors = [sparse.values, sparse.indices]
    if not tensors:
        return
    tensor = dice.choice(tensors)
    if dice.random() < 0.7:
        tensor.ClearField("raw_data")
    if dice.random() < 0.8:
        tensor.data_location = TensorProto.EXTERNAL
    entries = {b"location": dice.choice(_LOCATIONS), b"offset": b"0", b"length": b"16", b"checksum": b"x"}
    for key in list(entries)[: dice.choice((1, 2, 3, 4))]:
        entry = tensor.external_data.add()
        try:
            entry.key, entry.value = key.decode(), entries[key].decode()
        except (UnicodeDecodeError, ValueError):
            entry.key = key.decode()


def _add_function(model: onnx.ModelProto, dice: random.Random) -> None:
    """Functions, nested in each other, under a name of their own or that of a standard operator."""
    domain, depth = dice.choice(("", "own", "ai.onnx")), dice.choice((1, 2, 20))
    for level in range(depth):
        inner = f"F{level + 1}" if level + 1 < depth else "Identity"
        of_inner = domain if level + 1 < depth else ""
        body = [helper.make_node(inner, ["x"], [f"y{i}"], domain=of_inner) for i in range(dice.choice((1, 2, 10)))]
        body[-1].output[0] = "y"
        name = dice.choice((f"F{level}", "Sigmoid")) if level == 0 else f"F{level}"
        model.functions.append(
            helper.make_function(domain, name, ["x"], ["y"], body, [helper.make_opsetid("", 18)], [])
        )
    if domain and dice.random() < 0.8:
        model.opset_import.append(helper.make_opsetid(domain, 1))
    node = dice.choice(model.graph.node)
    if dice.random() < 0.7 and len(node.input) == 1:
        node.op_type, node.domain = model.functions[0].name, domain
        del node.attribute[:]


def _add_control_flow(model: onnx.ModelProto, dice: random.Random) -> None:
    stem = f"flow{len(model.graph.node)}"
    value = helper.make_tensor_value_info(f"{stem}.out", TensorProto.FLOAT, [1])
    constant = helper.make_node("Constant", [], [f"{stem}.out"], value_floats=[1.0])
    body = helper.make_graph([constant], "body", [], [value])
    if dice.random() < 0.4:
        truth = helper.make_tensor(f"{stem}.true", TensorProto.BOOL, [], [True])
        model.graph.initializer.append(truth)
        node = helper.make_node("If", [truth.name], [stem], then_branch=body, else_branch=body)
    else:
        trips = helper.make_tensor(f"{stem}.trips", TensorProto.INT64, [], [dice.choice((1, 1000, 2**62))])
        model.graph.initializer.append(trips)
        loop = helper.make_graph(
            [helper.make_node("Identity", [f"{stem}.c"], [f"{stem}.go"])],
            "loop",
            [
                helper.make_tensor_value_info(f"{stem}.i", TensorProto.INT64, []),
                helper.make_tensor_value_info(f"{stem}.c", TensorProto.BOOL, []),
            ],
            [helper.make_tensor_value_info(f"{stem}.go", TensorProto.BOOL, [])],
        )
        node = helper.make_node(dice.choice(("Loop", "Loop", "Scan")), [trips.name, ""], [stem], body=loop)
    model.graph.node.insert(0, node)


def _change_interface(model: onnx.ModelProto, dice: random.Random) -> None:
    """Names, types, sizes and order of inputs and outputs."""
    held = dice.choice((model.graph.input, model.graph.output))
    value = dice.choice(held)
    kind = dice.randrange(7)
    if kind == 0:
        value.type.tensor_type.elem_type = dice.randrange(24)
    elif kind == 1 and value.type.tensor_type.shape.dim:
        dim = dice.choice(value.type.tensor_type.shape.dim)
        dim.dim_value = dice.choice(INTEGERS)
    elif kind == 2 and value.type.tensor_type.shape.dim:
        dice.choice(value.type.tensor_type.shape.dim).dim_param = dice.choice(("n", "batch", "", "batch * 2"))
    elif kind == 3:
        value.name = dice.choice(("", "image", "z", "class_probs", "z_mean", "x\0"))
    elif kind == 4:
        held.append(value)
    elif kind == 5:
        held.remove(value)
    else:
        held_type = value.type.SerializeToString()  # a message that is copied into itself kills the process
        value.type.sequence_type.elem_type.ParseFromString(held_type)


def _bake_batch(model: onnx.ModelProto, dice: random.Random) -> None:
    """An answer that has another number of rows than the question, or another shape, while the graph says nothing."""
    output = model.graph.output[dice.randrange(len(model.graph.output))]
    stem = f"bake{len(model.graph.node)}"
    for node in model.graph.node:
        for place, name in enumerate(node.output):
            if name == output.name:
                node.output[place] = f"{stem}.before"
        for place, name in enumerate(node.input):
            if name == output.name:
                node.input[place] = f"{stem}.before"
    axis = dice.choice((0, 0, 1))
    kind = dice.randrange(5)
    if kind == 0:
        for name, number in (("start", 0), ("end", dice.choice((0, 1, 2))), ("axes", axis)):
            model.graph.initializer.append(helper.make_tensor(f"{stem}.{name}", TensorProto.INT64, [1], [number]))
        ends = [f"{stem}.{name}" for name in ("start", "end", "axes")]
        last = helper.make_node("Slice", [f"{stem}.before", *ends], [output.name])
    elif kind == 1:
        last = helper.make_node("Concat", [f"{stem}.before"] * 2, [output.name], axis=axis)
    elif kind == 2:
        last = helper.make_node("ReduceSum", [f"{stem}.before"], [output.name], keepdims=dice.randrange(2))
    elif kind == 3:
        last = helper.make_node("Transpose", [f"{stem}.before"], [output.name])
    else:
        last = helper.make_node("Flatten", [f"{stem}.before"], [output.name], axis=dice.choice((0, 1, 2)))
    model.graph.node.append(last)
    if dice.random() < 0.3:
        output.type.tensor_type.ClearField("shape")


def _change_header(model: onnx.ModelProto, dice: random.Random) -> None:
    kind = dice.randrange(6)
    if kind == 0:
        model.ir_version = dice.choice(INTEGERS)
    elif kind == 1:
        model.opset_import[0].version = dice.choice((*INTEGERS, 6, 7, 12, 13, 17, 21, 23, 24, 25, 26))
    elif kind == 2:
        domain = dice.choice(("", "ai.onnx", "com.microsoft", "ai.onnx.ml", "own"))
        model.opset_import.append(helper.make_opsetid(domain, dice.choice((1, 18))))
    elif kind == 3:
        del model.opset_import[:]
    elif kind == 4:
        model.training_info.add().algorithm.CopyFrom(model.graph)
    else:
        model.domain = dice.choice(("x", "com.microsoft"))


def _change_metadata(model: onnx.ModelProto, dice: random.Random) -> None:
    entry = dice.choice(model.metadata_props) if model.metadata_props else model.metadata_props.add()
    kind = dice.randrange(4)
    if kind == 0:
        entry.value = dice.choice(("", "[]", entry.value[::-1], entry.value + " ", "x" * 10_000))
    elif kind == 1:
        entry.key = dice.choice(("vaeport.labels", "vaeport.bundle", "", "x"))
    elif kind == 2:
        model.metadata_props.remove(entry)
    else:
        model.metadata_props.append(entry)


def _change_any_field(model: onnx.ModelProto, dice: random.Random) -> None:
    """Any field of any message inside: cleared, repeated, or filled with an extreme."""
    message: Message = model
    for _ in range(dice.randrange(1, 7)):
        inner = [each for each in _messages(message) if each is not None]
        if not inner or dice.random() < 0.1:
            break
        message = dice.choice(inner)
    field = dice.choice(message.DESCRIPTOR.fields)
    many = _is_repeated(field)
    if dice.random() < 0.3:
        message.ClearField(field.name)
    elif field.message_type is not None:
        held = getattr(message, field.name)
        if not many:
            held.SetInParent()
        elif held and dice.random() < 0.7:
            held.add().CopyFrom(dice.choice(held))
        else:
            held.add()
    else:
        value = _scalar(field, dice)
        if many:
            getattr(message, field.name).extend([value] * dice.choice((1, 2, 100)))
        else:
            setattr(message, field.name, value)


def _messages(message: Message) -> list[Message]:
    found: list[Message] = []
    for field, value in message.ListFields():
        if field.message_type is not None:
            found.extend(value if _is_repeated(field) else [value])
    return found


def _is_repeated(field: FieldDescriptor) -> bool:
    return bool(field.is_repeated)


def _scalar(field: FieldDescriptor, dice: random.Random) -> Any:
    kind = field.cpp_type
    if kind == FieldDescriptor.CPPTYPE_STRING:
        if field.type == FieldDescriptor.TYPE_BYTES:
            return dice.choice(TEXTS)
        return dice.choice(("", "x", "image", "z", "\0", "x" * 1000, "\u202e"))
    if kind in (FieldDescriptor.CPPTYPE_FLOAT, FieldDescriptor.CPPTYPE_DOUBLE):
        return dice.choice(FLOATS)
    if kind == FieldDescriptor.CPPTYPE_ENUM:
        return dice.choice(field.enum_type.values).number
    if kind in (FieldDescriptor.CPPTYPE_INT32, FieldDescriptor.CPPTYPE_UINT32):
        return dice.choice((0, 1, 2, 3, 11, 16, 100, 2**31 - 1))
    if kind == FieldDescriptor.CPPTYPE_UINT64:
        return dice.choice((0, 1, 2**63, 2**64 - 1))
    return dice.choice(INTEGERS)


ATTACKS: tuple[Change, ...] = (
    *(bend_some_attribute,) * 3,
    *(bend_some_tensor,) * 4,
    *(_change_any_field,) * 6,
    *(_bake_batch,) * 3,
    *(_blow_up,) * 2,
    *(_point_outside,) * 3,
    *(_change_interface,) * 2,
    *(_change_header,) * 2,
    _rename_operator,
    _swap_names,
    _change_arity,
    _move_node,
    _repeat_node,
    _grow_in_steps,
    _add_function,
    _add_control_flow,
    _change_metadata,
)
"""Each changes a model in place, by the random numbers of its case."""
