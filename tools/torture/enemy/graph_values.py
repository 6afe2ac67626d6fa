"""Attributes and tensors of an ONNX graph, changed to what their operators hardly expect."""

from __future__ import annotations

import random
import struct
from typing import Any

import onnx
from onnx import TensorProto, helper

from .byte_changes import changed

INTEGERS = (
    0,
    1,
    -1,
    2,
    3,
    4,
    7,
    16,
    -2,
    100,
    4096,
    65536,
    10**6,
    2**31 - 1,
    2**31,
    -(2**31),
    2**62,
    2**63 - 1,
    -(2**63),
)
FLOATS = (0.0, -0.0, 1.0, -1.0, 0.5, 1e-45, 1e38, -1e38, float("inf"), float("-inf"), float("nan"), 2.0**31, 1e10)
TEXTS = (
    *(b"", b"SAME_UPPER", b"SAME_LOWER", b"VALID", b"NOTSET", b"constant", b"reflect", b"edge", b"wrap", b"linear"),
    *(b"nearest", b"cubic", b"bilinear", b"align_corners", b"pytorch_half_pixel", b"tf_crop_and_resize", b"floor"),
    *(b"add", b"mul", b"max", b"min", b"none", b"ij,jk->ik", b"...i->...", b"i" * 60, b"bidirectional", b"reverse"),
    *(b"Tanh", b"../../etc/passwd", b"\xff\xfe", b"\0", b"x" * 5000, b"zeros", b"border", b"DCR", b"CRD"),
)
_SIZES: dict[int, int] = {TensorProto.INT64: 8, TensorProto.INT32: 4, TensorProto.FLOAT: 4, TensorProto.DOUBLE: 8}


def bend_some_attribute(model: onnx.ModelProto, dice: random.Random) -> None:
    """Change an attribute of some node."""
    bend_attribute(dice.choice(model.graph.node), dice)


def bend_attribute(node: onnx.NodeProto, dice: random.Random) -> None:
    """Change an attribute of a node, or add one that its operator knows."""
    known = list(onnx.defs.get_schema(node.op_type).attributes.values()) if onnx.defs.has(node.op_type) else []
    if node.attribute and (not known or dice.random() < 0.6):
        attribute = dice.choice(node.attribute)
        kind = attribute.type if dice.random() < 0.9 else dice.choice((1, 2, 3, 4, 6, 7, 8))
        name = attribute.name
        node.attribute.remove(attribute)
    elif known:
        schema = dice.choice(known)
        name, kind = schema.name, schema.type.value  # type: ignore[attr-defined]  # the stub hides an enum
    else:
        name, kind = "axis", onnx.AttributeProto.INT
    if (value := _value(kind, dice)) is not None:
        node.attribute.append(helper.make_attribute(name, value, attr_type=kind))


def _value(kind: int, dice: random.Random) -> Any:
    length = dice.choice((0, 1, 2, 2, 3, 4, 4, 6, 40))
    if kind == onnx.AttributeProto.FLOAT:
        return dice.choice(FLOATS)
    if kind == onnx.AttributeProto.INT:
        return dice.choice(INTEGERS)
    if kind == onnx.AttributeProto.STRING:
        return dice.choice(TEXTS)
    if kind == onnx.AttributeProto.TENSOR:
        return helper.make_tensor("value", TensorProto.FLOAT, [length], [dice.choice(FLOATS)] * length)
    if kind == onnx.AttributeProto.FLOATS:
        return [dice.choice(FLOATS) for _ in range(length)]
    if kind == onnx.AttributeProto.INTS:
        return [dice.choice(INTEGERS[: dice.choice((6, 20))]) for _ in range(length)]
    if kind == onnx.AttributeProto.STRINGS:
        return [dice.choice(TEXTS) for _ in range(length)]
    return None


def bend_some_tensor(model: onnx.ModelProto, dice: random.Random) -> None:
    """Change some initializer."""
    if model.graph.initializer:
        bend_tensor(dice.choice(model.graph.initializer), dice)


def bend_tensor(tensor: TensorProto, dice: random.Random) -> None:
    """Change the type, the sizes or the values of a tensor."""
    kind = dice.randrange(7)
    if kind == 0:
        tensor.data_type = dice.randrange(28)
    elif kind == 1 and tensor.dims:
        tensor.dims[dice.randrange(len(tensor.dims))] = dice.choice(INTEGERS)
    elif kind == 2:
        tensor.dims.append(dice.choice((1, 1, 2, 0, -1, 2**62)))
    elif kind == 3 and tensor.dims:
        del tensor.dims[dice.randrange(len(tensor.dims))]
    elif kind == 4:
        tensor.raw_data = changed(tensor.raw_data, dice)
    elif kind == 5:
        tensor.float_data.extend([dice.choice(FLOATS)] * dice.choice((1, 6)))
    else:
        _bend_numbers(tensor, dice)


def _bend_numbers(tensor: TensorProto, dice: random.Random) -> None:
    """Other values of the same type: sizes, axes and indices are such."""
    size = _SIZES.get(tensor.data_type, 1)
    if len(tensor.raw_data) < size:
        return
    values = bytearray(tensor.raw_data)
    place = size * dice.randrange(len(values) // size)
    if tensor.data_type in (TensorProto.FLOAT, TensorProto.DOUBLE):
        new = struct.pack("<f" if size == 4 else "<d", dice.choice(FLOATS))
    else:
        new = (dice.choice(INTEGERS) % 256**size).to_bytes(size, "little")
    values[place : place + size] = new
    tensor.raw_data = bytes(values)
