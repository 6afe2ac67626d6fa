"""One graph as one ONNX file: exported, cleaned of what does not belong to it, described, and checked as written."""

import logging
import warnings
from dataclasses import dataclass
from typing import Any

import onnx
import torch
from onnx import ModelProto
from torch import nn

from vaeport.contract import BATCH, CLASS_PROBS, GRAPHS, IMAGE, GraphSpec, Shapes, graph_metadata
from vaeport.errors import CheckFailedError, InputError
from vaeport_parity.reference.captured import CapturedModule

from ..options import DEFAULT_OPSET, OPSETS
from .checking import IR_VERSIONS, check_graph, image_metadata
from .spelling import halve_gelu_first, spell_out_pixel_shuffles


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
    clean(model)
    spell_out_pixel_shuffles(model)
    halve_gelu_first(model)
    describe(model, GRAPHS[graph], description)
    model.ir_version = IR_VERSIONS[opset]
    content: bytes = model.SerializeToString(deterministic=True)
    check_graph(content, GRAPHS[graph], description.shapes, opset=opset)
    return content


def example_inputs(graph: str, shapes: Shapes, *, batch: int = 2) -> dict[str, torch.Tensor]:
    """Inputs of a graph by name, in the order of the contract; a batch of 2 keeps the exporter from fixing it at 1."""
    inputs = {name: torch.full((batch, *shapes.row(name)), 0.5) for name in GRAPHS[graph].inputs}
    if CLASS_PROBS in inputs:
        inputs[CLASS_PROBS] = torch.full((batch, shapes.classes), 1 / shapes.classes)
    return inputs


def _convert(module: nn.Module, spec: GraphSpec, shapes: Shapes, opset: int) -> ModelProto:
    examples = example_inputs(spec.name, shapes)
    axes: tuple[Any, ...] = tuple({0: BATCH} for _ in examples)
    with warnings.catch_warnings():
        # torch's own deprecations inside the exporter; what matters is checked on the file.
        warnings.simplefilter("ignore")
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        try:
            program = torch.onnx.export(
                module,
                tuple(examples.values()),
                dynamo=True,
                verbose=False,
                input_names=list(spec.inputs),
                output_names=list(spec.outputs),
                # A captured module takes its inputs as one tuple.
                dynamic_shapes=(axes,) if isinstance(module, CapturedModule) else axes,
                external_data=False,
                opset_version=opset,
            )
        except torch.onnx.OnnxExporterError as error:
            raise CheckFailedError(
                f"{spec.name}: PyTorch's exporter cannot write it as ONNX: {_reason(error)}; write that operator with "
                "others that ONNX has, or try another opset"
            ) from error
    if program is None:
        raise CheckFailedError(f"{spec.name}: PyTorch's exporter gave no program")
    return program.model_proto


def _reason(error: BaseException) -> str:
    """The first line of the innermost error that says anything."""
    inner = error
    while inner.__cause__ is not None and str(inner.__cause__):
        inner = inner.__cause__
    lines = [line.strip() for line in str(inner).splitlines() if line.strip()]
    return lines[0][:300] if lines else type(inner).__name__


def clean(model: ModelProto) -> None:
    """Drop what names the exporting machine (source paths in node metadata) and what later tools trip over."""
    graph = model.graph
    for part in (model, graph, *graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    graph.ClearField("value_info")
    # "+cpu" or "+cu130" tells which build of PyTorch exported; the graph is the same.
    model.producer_version = model.producer_version.partition("+")[0]


def describe(model: ModelProto, spec: GraphSpec, description: GraphDescription) -> None:
    """Write into a graph what it is: a sentence, the contract's metadata, and the standard's marks of an image."""
    inputs, outputs = ", ".join(spec.inputs), ", ".join(spec.outputs)
    model.graph.name = spec.name
    model.doc_string = (
        f"{spec.name} of the vaeport bundle {description.bundle}: {inputs} -> {outputs}. "
        "Deterministic; images are float32 in [0, 1], ink is 1."
    )
    metadata = graph_metadata(spec, bundle=description.bundle, labels=description.labels, shapes=description.shapes)
    onnx.helper.set_model_props(
        model,
        {
            **metadata,
            **image_metadata(description.shapes),
        },
    )
    for value in (*model.graph.input, *model.graph.output):
        if value.name == IMAGE:
            value.type.denotation = "IMAGE"
            names = ("DATA_BATCH", "DATA_CHANNEL", "DATA_FEATURE", "DATA_FEATURE")
            for dimension, denotation in zip(value.type.tensor_type.shape.dim, names, strict=True):
                dimension.denotation = denotation
