"""One graph as one ONNX file: exported, cleaned of what does not belong to it, described, and checked as written."""

import json
import logging
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import onnx
import torch
from google.protobuf.message import DecodeError
from onnx import ModelProto, TensorProto
from torch import nn

from vaeport.contract import BATCH, CONTRACT, GRAPHS, IMAGE, GraphSpec, Shapes
from vaeport.errors import CheckFailedError, InputError

from ..modules.vae import example_inputs
from .spelling import halve_gelu_first, spell_out_pixel_shuffles

DEFAULT_OPSET = 18
OPSETS = range(18, 24)
"""Opsets that can be asked for."""

IR_VERSIONS = {18: 8, 19: 9, 20: 9, 21: 10, 22: 10, 23: 11}
"""Lowest IR version that goes with an opset: the lower, the older the runtimes that load the file."""

_RANDOM = ("Random", "Multinomial", "Bernoulli", "Dropout")


@dataclass(frozen=True)
class GraphDescription:
    """What the file says of itself."""

    bundle: str
    """Name of the bundle."""
    labels: tuple[str, ...]
    """Class names in the order of `class_probs`."""
    shapes: Shapes
    """Sizes of every tensor."""


def export_graph(module: nn.Module, graph: str, description: GraphDescription, *, opset: int = DEFAULT_OPSET) -> bytes:
    """Export a module as the contract's graph.

    Args:
        module: takes the contract's inputs, gives its outputs.
        graph: `encoder_classifier` or `decoder`.
        description: what the file shall say of itself.
        opset: version of the ONNX operator set.

    Returns:
        Content of a self-contained ONNX file; the same module gives the same bytes.

    Raises:
        InputError: an opset that is not offered.
        CheckFailedError: what came out does not keep the contract.
    """
    if opset not in OPSETS:
        raise InputError(f"opset is {opset}, but must be from {OPSETS.start} to {OPSETS.stop - 1}")
    model = _convert(module, GRAPHS[graph], description.shapes, opset)
    _clean(model)
    spell_out_pixel_shuffles(model)
    halve_gelu_first(model)
    _describe(model, GRAPHS[graph], description)
    model.ir_version = IR_VERSIONS[opset]
    content: bytes = model.SerializeToString(deterministic=True)
    check_graph(content, GRAPHS[graph], description.shapes, opset=opset)
    return content


def check_graph(content: bytes, spec: GraphSpec, shapes: Shapes, *, opset: int) -> None:
    """Check an ONNX file as it was written, not as it was meant.

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
    _expect(spec, "operator sets", opsets, {"": opset})
    _expect(spec, "IR version", model.ir_version, IR_VERSIONS[opset])
    _expect(spec, "inputs", _signature(model.graph.input), [(n, (BATCH, *shapes.row(n))) for n in spec.inputs])
    _expect(spec, "outputs", _signature(model.graph.output), [(n, (BATCH, *shapes.row(n))) for n in spec.outputs])
    for node in model.graph.node:
        if node.op_type.startswith(_RANDOM):
            raise CheckFailedError(f"{spec.name}: node {node.name!r} is a {node.op_type}; sampling is the host's")
    if any(tensor.data_location == TensorProto.EXTERNAL for tensor in model.graph.initializer):
        raise CheckFailedError(f"{spec.name}: weights lie outside the file")


def _convert(module: nn.Module, spec: GraphSpec, shapes: Shapes, opset: int) -> ModelProto:
    examples = example_inputs(spec.name, shapes)
    with warnings.catch_warnings():
        # torch's own deprecations inside the exporter; what matters is checked on the file.
        warnings.simplefilter("ignore")
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        program = torch.onnx.export(
            module,
            tuple(examples.values()),
            dynamo=True,
            verbose=False,
            input_names=list(spec.inputs),
            output_names=list(spec.outputs),
            dynamic_shapes=tuple({0: BATCH} for _ in examples),
            external_data=False,
            opset_version=opset,
        )
    if program is None:
        raise CheckFailedError(f"{spec.name}: PyTorch's exporter gave no program")
    return program.model_proto


def _clean(model: ModelProto) -> None:
    """Drop what names the exporting machine (source paths in node metadata) and what later tools trip over."""
    graph = model.graph
    for part in (model, graph, *graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    graph.ClearField("value_info")
    # "+cpu" or "+cu130" tells which build of PyTorch exported; the graph is the same.
    model.producer_version = model.producer_version.partition("+")[0]


def _describe(model: ModelProto, spec: GraphSpec, description: GraphDescription) -> None:
    shapes = {name: [BATCH, *description.shapes.row(name)] for name in (*spec.inputs, *spec.outputs)}
    inputs, outputs = ", ".join(spec.inputs), ", ".join(spec.outputs)
    model.graph.name = spec.name
    model.doc_string = (
        f"{spec.name} of the vaeport bundle {description.bundle}: {inputs} -> {outputs}. "
        "Deterministic; images are float32 in [0, 1], ink is 1."
    )
    onnx.helper.set_model_props(
        model,
        {
            "vaeport.contract": str(CONTRACT),
            "vaeport.bundle": description.bundle,
            "vaeport.graph": spec.name,
            "vaeport.labels": json.dumps(description.labels, ensure_ascii=False),
            "vaeport.shapes": json.dumps(shapes),
            # Keys and values of onnx/onnx docs/MetadataProps.md, for tensors whose type denotation is IMAGE.
            "Image.BitmapPixelFormat": "Gray8" if description.shapes.image[0] == 1 else "Rgb8",
            "Image.ColorSpaceGamma": "SRGB",
            "Image.NominalPixelRange": "Normalized_0_1",
        },
    )
    for value in (*model.graph.input, *model.graph.output):
        if value.name == IMAGE:
            value.type.denotation = "IMAGE"
            names = ("DATA_BATCH", "DATA_CHANNEL", "DATA_FEATURE", "DATA_FEATURE")
            for dimension, denotation in zip(value.type.tensor_type.shape.dim, names, strict=True):
                dimension.denotation = denotation


def _signature(values: Sequence[onnx.ValueInfoProto]) -> list[tuple[str, tuple[str | int, ...]]]:
    signature = []
    for value in values:
        tensor = value.type.tensor_type
        if tensor.elem_type != TensorProto.FLOAT:
            raise CheckFailedError(f"{value.name} is {TensorProto.DataType.Name(tensor.elem_type)}, not FLOAT")
        signature.append((value.name, tuple(d.dim_param or d.dim_value for d in tensor.shape.dim)))
    return signature


def _expect(spec: GraphSpec, what: str, actual: object, expected: object) -> None:
    if actual != expected:
        raise CheckFailedError(f"{spec.name}: {what} are {actual}, but must be {expected}")
