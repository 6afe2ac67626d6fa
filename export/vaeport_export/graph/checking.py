"""What makes an ONNX file a graph of the contract: checked when it is written, and again when it is compared."""

import json
from collections.abc import Iterator, Mapping

import onnx
from google.protobuf.message import DecodeError
from onnx import ModelProto, TensorProto, ValueInfoProto

from vaeport.contract import BATCH, FP32, METADATA_LABELS, GraphSpec, Shapes
from vaeport.errors import CheckFailedError
from vaeport_parity.reading.preflight import foreign_operators, host_path
from vaeport_parity.reference.evaluator import every_node, is_random

IR_VERSIONS = {18: 8, 19: 9, 20: 9, 21: 10, 22: 10, 23: 11}
"""Lowest IR version that goes with an opset: the lower, the older the runtimes that load the file."""


def check_graph(content: bytes, spec: GraphSpec, shapes: Shapes, *, opset: int) -> None:
    """Check an ONNX file as it was written, not as it was meant.

    Args:
        content: the file.
        spec: which graph it is.
        shapes: sizes of the tensors.
        opset: version of the operator set that it must have, with the IR version that goes with it.

    Raises:
        CheckFailedError: names the first thing that breaks the contract.
    """
    try:
        model = onnx.load_model_from_string(content)
    except DecodeError as error:
        raise CheckFailedError(f"{spec.name}: the file is no ONNX model: {error}") from error
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise CheckFailedError(f"{spec.name}: onnx.checker refuses the graph: {error}") from error
    opsets = {entry.domain: entry.version for entry in model.opset_import}
    for what, actual, expected in (
        ("operator sets", opsets, {"": opset}),
        ("IR version", model.ir_version, IR_VERSIONS[opset]),
    ):
        if actual != expected:
            raise CheckFailedError(f"{spec.name}: {what} are {actual}, but must be {expected}")
    for fault in graph_faults(model, content, spec, shapes):
        raise CheckFailedError(f"{spec.name}: {fault}")


def graph_faults(
    model: ModelProto,
    content: bytes,
    spec: GraphSpec,
    shapes: Shapes,
    *,
    precision: str = "",
    metadata: Mapping[str, str] | None = None,
) -> Iterator[str]:
    """What breaks the contract in a graph, one sentence each.

    Args:
        model: the parsed file.
        content: the file.
        spec: which graph it is.
        shapes: sizes of the tensors.
        precision: `fp32` where no weight may be narrower than float32.
        metadata: what the file must say of itself; None where that does not matter.
    """
    yield from _tensor_faults(model, spec, shapes)
    for node in every_node(model):
        if is_random(node) or node.op_type == "Dropout":
            yield f"node {node.name or node.output[0]!r} is a {node.op_type}: sampling is the host's, not the graph's"
    for tensor in model.graph.initializer:
        if tensor.data_location == TensorProto.EXTERNAL:
            yield f"weight {tensor.name!r} lies outside the file"
        if precision == FP32 and tensor.data_type in (TensorProto.FLOAT16, TensorProto.BFLOAT16):
            kind = TensorProto.DataType.Name(tensor.data_type).lower()
            yield f"weight {tensor.name!r} is {kind} in a float32 graph"
    if foreign := foreign_operators(model):
        yield f"it has operators outside the standard, which most runtimes lack: {', '.join(foreign)}"
    if metadata is not None:
        yield from _metadata_faults(model, metadata)
    if path := host_path(content):
        yield f"it names a path of the machine that made it: {path}"


def image_metadata(shapes: Shapes) -> dict[str, str]:
    """What a graph says of its images: keys and values of onnx/onnx docs/MetadataProps.md.

    Args:
        shapes: sizes of the tensors.
    """
    return {
        "Image.BitmapPixelFormat": "Gray8" if shapes.image[0] == 1 else "Rgb8",
        "Image.ColorSpaceGamma": "SRGB",
        "Image.NominalPixelRange": "Normalized_0_1",
    }


def _tensor_faults(model: ModelProto, spec: GraphSpec, shapes: Shapes) -> Iterator[str]:
    for kind, values, names in (
        ("input", model.graph.input, spec.inputs),
        ("output", model.graph.output, spec.outputs),
    ):
        actual = [(info.name, _axes(info)) for info in values]
        expected = [(name, (BATCH, *shapes.row(name))) for name in names]
        if len(actual) != len(expected):
            yield f"it has {len(actual)} {kind}s ({', '.join(name for name, _ in actual)}), not {', '.join(names)}"
            continue
        for (name, axes), (wanted, sizes) in zip(actual, expected, strict=True):
            if (name, axes) != (wanted, sizes):
                yield f"{kind} {name} is {list(axes)}, the contract has {wanted} {list(sizes)}"
        for info in values:
            if info.type.tensor_type.elem_type != TensorProto.FLOAT:
                kind_name = TensorProto.DataType.Name(info.type.tensor_type.elem_type)
                yield f"{kind} {info.name} is {kind_name}, not FLOAT"


def _metadata_faults(model: ModelProto, metadata: Mapping[str, str]) -> Iterator[str]:
    props = {entry.key: entry.value for entry in model.metadata_props}
    for key, value in metadata.items():
        if key not in props:
            yield f"metadata {key!r} is missing"
        elif key == METADATA_LABELS and _parsed(props[key]) != json.loads(value):
            yield f"labels of the graph are {props[key]}, bundle.json has {value}"
        elif props[key] != value and (_parsed(props[key]) is None or _parsed(props[key]) != _parsed(value)):
            yield f"metadata {key!r} is {props[key]!r}, but should be {value!r}"


def _parsed(text: str) -> object:
    """What a graph says of itself, as JSON; None where it is no JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _axes(info: ValueInfoProto) -> tuple[str | int, ...]:
    return tuple(axis.dim_param or axis.dim_value for axis in info.type.tensor_type.shape.dim)
