"""Changes to an ONNX graph that know its structure, made with onnx's own protobuf classes.

Mild ones leave a graph that runs, so that they get past a reader to onnxruntime; the others are meant to be refused.
"""

from __future__ import annotations

import random
import struct
from contextlib import suppress

import onnx
from onnx import TensorProto, helper

from .byte_changes import changed
from .graph_attacks import ATTACKS, Change
from .graph_values import FLOATS, bend_attribute, bend_tensor
from .operators import UNARY, graft, recorded_nodes
from .wire_changes import change_wire


def change_graph(content: bytes, dice: random.Random) -> tuple[str, bytes]:
    """Change an ONNX file in one to three ways.

    Args:
        content: the file.
        dice: random numbers of this case.

    Returns:
        The names of the changes, and the new content.
    """
    drawn = dice.random()
    if drawn < 0.12:
        return "graph bytes", changed(content, dice)
    if drawn < 0.27:
        return "graph wire", change_wire(content, dice)
    model = onnx.ModelProto.FromString(content)
    if drawn < 0.62:
        changes = [dice.choice(_MILD) for _ in range(dice.choice((1, 1, 2)))]
    else:
        changes = [dice.choice(ATTACKS) for _ in range(dice.choice((1, 1, 1, 2, 3)))]
    for change in changes:
        # An earlier change may have emptied what this one draws from, or left bytes where there was text.
        with suppress(IndexError, ValueError, TypeError):
            change(model, dice)
    names = " and ".join(change.__name__.strip("_").replace("_", " ") for change in changes)
    return f"graph: {names}", model.SerializeToString()


def _graft_node(model: onnx.ModelProto, dice: random.Random) -> None:
    graft(model, dice.choice(recorded_nodes()), dice)


def _graft_bent_node(model: onnx.ModelProto, dice: random.Random) -> None:
    """A node of any operator, with an attribute or an input that is not what it was recorded with."""
    node = graft(model, dice.choice(recorded_nodes()), dice)
    if dice.random() < 0.6:
        bend_attribute(node, dice)
    else:
        names = set(node.input)
        tensors = [tensor for tensor in model.graph.initializer if tensor.name in names] or model.graph.initializer
        bend_tensor(dice.choice(list(tensors)), dice)


def _splice_unary(model: onnx.ModelProto, dice: random.Random) -> None:
    """An operator of one tensor between two nodes."""
    place = dice.randrange(len(model.graph.node))
    node = model.graph.node[place]
    filled = [i for i, name in enumerate(node.input) if name]
    if not filled:
        return
    slot = dice.choice(filled)
    stem = f"splice{len(model.graph.node)}"
    new = helper.make_node(dice.choice(UNARY), [node.input[slot]], [stem])
    if new.op_type == "Cast":
        new.attribute.append(helper.make_attribute("to", dice.randrange(1, 24)))
    node.input[slot] = stem
    model.graph.node.insert(place, new)


def _change_weights(model: onnx.ModelProto, dice: random.Random) -> None:
    tensors = [tensor for tensor in model.graph.initializer if tensor.data_type == TensorProto.FLOAT]
    if tensors and len(raw := dice.choice(tensors).raw_data) >= 4:
        tensor = next(tensor for tensor in tensors if tensor.raw_data is raw or tensor.raw_data == raw)
        values = bytearray(raw)
        for _ in range(dice.choice((1, 3, 30))):
            place = 4 * dice.randrange(len(values) // 4)
            values[place : place + 4] = dice.choice((dice.randbytes(4), struct.pack("<f", dice.choice(FLOATS))))
        tensor.raw_data = bytes(values)


def _add_idle_node(model: onnx.ModelProto, dice: random.Random) -> None:
    node = dice.choice(model.graph.node)
    copy = onnx.NodeProto()
    copy.CopyFrom(node)
    for place in range(len(copy.output)):
        copy.output[place] = f"idle{len(model.graph.node)}.{place}"
    model.graph.node.append(copy)


def _describe(model: onnx.ModelProto, dice: random.Random) -> None:
    """Words that nobody computes with."""
    target = dice.choice((model, model.graph, dice.choice(model.graph.node)))
    target.doc_string = dice.choice(("x", "\0", "x" * 10_000, "\x1b[2J"))


_MILD: tuple[Change, ...] = (
    *(_graft_node,) * 4,
    *(_graft_bent_node,) * 6,
    *(_splice_unary,) * 3,
    *(_change_weights,) * 3,
    _add_idle_node,
    _describe,
)
