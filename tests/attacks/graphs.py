"""Hostile graphs: those of the tiny bundle, changed by onnx's own classes, and sealed again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from .bundles import DECODER_FILE, ENCODER_FILE, tiny, with_file
from .wire import GRAPH, block

FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64


def with_decoder(folder: Path, change: Callable[[onnx.ModelProto], object]) -> Path:
    """The tiny bundle, its decoder changed in place."""
    return _with_graph(folder, DECODER_FILE, change)


def with_encoder(folder: Path, change: Callable[[onnx.ModelProto], object]) -> Path:
    """The tiny bundle, its encoder and classifier changed in place."""
    return _with_graph(folder, ENCODER_FILE, change)


def with_decoder_bytes(folder: Path, change: Callable[[bytes], bytes]) -> Path:
    """The tiny bundle, the bytes of its decoder changed."""
    bundle = tiny(folder)
    return with_file(bundle, DECODER_FILE, change((bundle / DECODER_FILE).read_bytes()))


def given(folder: Path, change: Callable[[onnx.ModelProto], object]) -> Path:
    """An ONNX file as somebody hands it over, `folder/given/model.onnx`: the tiny bundle's decoder, changed."""
    content = (with_decoder(folder, change) / DECODER_FILE).read_bytes()
    path = folder / "given/model.onnx"
    path.parent.mkdir()
    path.write_bytes(content)
    return path


def bomb(folder: Path, nodes: Sequence[onnx.NodeProto], **constants: Any) -> Path:
    """The tiny bundle, whose decoder adds the sum of the tensor `bomb` of these nodes to its image."""

    def change(model: onnx.ModelProto) -> None:
        graph = model.graph
        graph.node[-1].output[0] = "honest"
        summed = [
            helper.make_node("ReduceMean", ["bomb"], ["level"], keepdims=0),
            helper.make_node("Add", ["honest", "level"], ["image"]),
        ]
        graph.node.extend([*nodes, *summed])
        graph.initializer.extend(constant(name, value) for name, value in constants.items())

    return with_decoder(folder, change)


def node(operator: str, inputs: Sequence[str], outputs: Sequence[str], **attributes: Any) -> onnx.NodeProto:
    """One node."""
    made: onnx.NodeProto = helper.make_node(operator, list(inputs), list(outputs), **attributes)
    return made


def constant(name: str, value: Any) -> onnx.TensorProto:
    """An initializer: floats as float32, everything else in numpy's own type."""
    array: NDArray[Any] = np.asarray(value)
    made: onnx.TensorProto = numpy_helper.from_array(
        array.astype(np.float32) if array.dtype.kind == "f" else array, name
    )
    return made


def external(tensor: onnx.TensorProto, location: str, **entries: object) -> onnx.TensorProto:
    """Make a tensor's data lie in another file."""
    for field in ("raw_data", "float_data", "int64_data"):
        tensor.ClearField(field)
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in {"location": location, **entries}.items():
        entry = tensor.external_data.add()
        entry.key, entry.value = key, str(value)
    return tensor


def behind_graph(content: bytes, more: bytes) -> bytes:
    """A model with more bytes behind those of its graph."""
    model = onnx.load_model_from_string(content)
    graph: bytes = model.graph.SerializeToString()
    model.ClearField("graph")
    rest: bytes = model.SerializeToString()
    return rest + block(GRAPH, graph + more)


def weight_of(model: onnx.ModelProto, name: str) -> onnx.TensorProto:
    """An initializer of a graph by name."""
    found: onnx.TensorProto = next(tensor for tensor in model.graph.initializer if tensor.name == name)
    return found


def outside_weight(model: onnx.ModelProto, location: str, **entries: object) -> onnx.TensorProto:
    """Make the decoder's bias lie in another file: 16 bytes of it become the pixels of every image."""
    tensor = weight_of(model, "decoder.bias")
    return external(tensor, location, **entries)


def subgraph(name: str, nodes: Sequence[onnx.NodeProto], output: str, *constants: onnx.TensorProto) -> onnx.GraphProto:
    """A branch without inputs, with one float output."""
    made: onnx.GraphProto = helper.make_graph(
        list(nodes), name, [], [helper.make_tensor_value_info(output, FLOAT, None)], list(constants)
    )
    return made


def _with_graph(folder: Path, file: str, change: Callable[[onnx.ModelProto], object]) -> Path:
    bundle = tiny(folder)
    model = onnx.load_model_from_string((bundle / file).read_bytes())
    change(model)
    return with_file(bundle, file, model.SerializeToString())
