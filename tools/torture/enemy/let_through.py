"""What no graph that was loaded may hold, looked for with onnx's own parser: a second opinion on our reader."""

from __future__ import annotations

from collections.abc import Iterator

import onnx
from google.protobuf.message import DecodeError, Message
from onnx import TensorProto

_DOMAINS = ("", "ai.onnx")


def forbidden(content: bytes) -> str | None:
    """What a graph holds that must have been refused, in words; None where there is nothing of the kind.

    Args:
        content: an ONNX file that a model was loaded from.
    """
    try:
        model = onnx.ModelProto.FromString(content)
    except DecodeError:
        return "a file that onnx cannot parse"
    if model.functions:
        return "functions"
    if model.training_info:
        return "training information"
    for node in model.graph.node:
        if node.domain not in _DOMAINS:
            return f"the foreign domain {node.domain!r}"
    for message in _inside(model):
        if isinstance(message, TensorProto) and (message.external_data or message.data_location):
            return "external data"
        if isinstance(message, onnx.AttributeProto) and (message.HasField("g") or message.graphs):
            return "a graph in an attribute"
        if isinstance(message, onnx.SparseTensorProto):
            return "a sparse tensor"
    return None


def _inside(message: Message) -> Iterator[Message]:
    yield message
    for field, value in message.ListFields():
        if field.message_type is not None:
            for inner in value if field.is_repeated else [value]:
                yield from _inside(inner)
