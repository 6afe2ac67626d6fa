"""An ONNX file that another tool made becomes a graph of the contract: names, batch axis, opset, description."""

import os
from pathlib import Path

import onnx
import onnx.inliner
import onnx.version_converter
from google.protobuf.message import DecodeError
from onnx import ModelProto, TensorProto, ValueInfoProto

from vaeport.contract import BATCH, GRAPHS, GraphSpec
from vaeport.errors import CheckFailedError, InputError
from vaeport_parity.subjects.external import take_in_weights

from ..options import OPSETS
from .checking import IR_VERSIONS, check_graph
from .onnx_file import GraphDescription, clean, describe

_DOMAINS = ("", "ai.onnx")


def read_onnx(path: str | os.PathLike[str]) -> bytes:
    """Content of an ONNX file, with weights that lie beside it taken in.

    Raises:
        InputError: no such file, no ONNX model, or its external weights are missing.
    """
    try:
        model = onnx.load_model(Path(path), load_external_data=False)
    except FileNotFoundError as error:
        raise InputError(
            f"no such file: {path}; give the path of an ONNX file, its external weights beside it"
        ) from error
    except (DecodeError, ValueError) as error:
        said = " ".join(str(error).split())[:200]
        raise InputError(f"{path} cannot be read as an ONNX file: {said}") from error
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    take_in_weights(model, Path(path).parent, str(path))
    if not model.graph.node:
        raise InputError(f"{path} cannot be read as an ONNX file: it has no operators")
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def contract_form(content: bytes, graph: str) -> ModelProto:
    """The same computation under the contract's names; nothing in it is computed otherwise.

    Functions are inlined; inputs and outputs are renamed in their order, unless they have the contract's names in
    another order; the first axis of each is named `batch`.

    Args:
        content: the ONNX file, weights inside.
        graph: which graph of the contract it is.

    Raises:
        CheckFailedError: it has another number of inputs or outputs, others than float32, a fixed batch, or operators
            of another domain; one sentence.
    """
    spec, model = GRAPHS[graph], onnx.load_model_from_string(content)
    if model.functions:
        model = onnx.inliner.inline_local_functions(model)
    if foreign := sorted({node.domain for node in model.graph.node} - set(_DOMAINS)):
        kinds = sorted({node.op_type for node in model.graph.node if node.domain == foreign[0]})
        raise CheckFailedError(
            f"{graph}: the graph has operators of the domain {foreign[0]!r} ({', '.join(kinds[:3])}), which only some "
            "runtimes know; export it with ONNX's own operators"
        )
    weights = {tensor.name for tensor in model.graph.initializer}
    inputs = [info for info in model.graph.input if info.name not in weights]
    del model.graph.input[:]
    model.graph.input.extend(inputs)
    _name_tensors(model, spec)
    del model.graph.value_info[:]
    entries = [entry for entry in model.opset_import if entry.domain in _DOMAINS]
    del model.opset_import[:]
    model.opset_import.append(onnx.helper.make_opsetid("", max((entry.version for entry in entries), default=1)))
    return model


def adopt_graph(content: bytes, graph: str, description: GraphDescription) -> bytes:
    """The contract's graph from an ONNX file of another tool.

    Args:
        content: the ONNX file, weights inside.
        graph: which graph of the contract it is.
        description: what the file shall say of itself.

    Returns:
        Content of the ONNX file; its opset stays where the contract has it, older ones are converted to its lowest.

    Raises:
        CheckFailedError: it cannot become a graph of the contract; one sentence.
    """
    model = contract_form(content, graph)
    opset = model.opset_import[0].version
    if opset not in OPSETS:
        target = OPSETS.start if opset < OPSETS.start else OPSETS.stop - 1
        try:
            model = onnx.version_converter.convert_version(model, target)
        except Exception as error:
            said = " ".join(str(error).split())[:200]
            raise CheckFailedError(
                f"{graph}: opset {opset} cannot be converted to {target}: {said}; export it with opset {target}"
            ) from error
        _name_tensors(model, GRAPHS[graph])
        opset = target
    for info in (*model.graph.input, *model.graph.output):
        _write_sizes(info, description.shapes.row(info.name))
    clean(model)
    describe(model, GRAPHS[graph], description)
    model.producer_version = model.producer_version or "unknown"
    model.ir_version = IR_VERSIONS[opset]
    made: bytes = model.SerializeToString(deterministic=True)
    check_graph(made, GRAPHS[graph], description.shapes, opset=opset)
    return made


def opset_of(content: bytes) -> int:
    """Version of ONNX's own operator set in a file."""
    entries = onnx.load_model_from_string(content).opset_import
    return max(int(entry.version) for entry in entries if entry.domain in _DOMAINS)


def row_shape(info: ValueInfoProto) -> tuple[int, ...]:
    """Sizes behind the batch axis; 0 where the file fixes none."""
    return tuple(axis.dim_value for axis in info.type.tensor_type.shape.dim[1:])


def _name_tensors(model: ModelProto, spec: GraphSpec) -> None:
    for kind, values, names in (
        ("input", model.graph.input, spec.inputs),
        ("output", model.graph.output, spec.outputs),
    ):
        actual = [info.name for info in values]
        if len(actual) != len(names):
            raise CheckFailedError(
                f"{spec.name}: the file has {len(actual)} {kind}s ({', '.join(actual)}), but must have {len(names)}: "
                f"{', '.join(names)}"
            )
        if set(actual) == set(names):
            ordered = sorted(values, key=lambda info: names.index(info.name))
            kept = [ValueInfoProto.FromString(info.SerializeToString()) for info in ordered]
            del values[:]
            values.extend(kept)
        else:
            _rename(model, dict(zip(actual, names, strict=True)))
        for info in values:
            _name_batch(info, spec, kind)


def _rename(model: ModelProto, names: dict[str, str]) -> None:
    """Rename inputs or outputs; tensors inside that have one of the new names give way."""
    taken = {name for node in model.graph.node for name in (*node.input, *node.output)}
    taken |= {tensor.name for tensor in model.graph.initializer}
    changed = {new: f"{new}_inside" for new in names.values() if new in taken and new not in names} | names
    changed = {old: new for old, new in changed.items() if old != new}
    graphs = [model.graph]
    while graphs:
        graph = graphs.pop()
        for node in graph.node:
            for places in (node.input, node.output):
                for index, name in enumerate(places):
                    places[index] = changed.get(name, name)
            graphs += [attribute.g for attribute in node.attribute if attribute.HasField("g")]
        for value in (*graph.input, *graph.output, *graph.initializer):
            value.name = changed.get(value.name, value.name)


def _write_sizes(info: ValueInfoProto, sizes: tuple[int, ...]) -> None:
    """State sizes that the file leaves open: exporters lose them behind a Slice or Reshape; samples have shown them."""
    axes = info.type.tensor_type.shape.dim[1:]
    if len(axes) != len(sizes):
        return
    for axis, size in zip(axes, sizes, strict=True):
        if not axis.HasField("dim_value"):
            axis.dim_value = size


def _name_batch(info: ValueInfoProto, spec: GraphSpec, kind: str) -> None:
    tensor = info.type.tensor_type
    if tensor.elem_type != TensorProto.FLOAT:
        raise CheckFailedError(
            f"{spec.name}: {kind} {info.name} is {TensorProto.DataType.Name(tensor.elem_type)}, but must be FLOAT; put "
            "a Cast into the graph, or export it in float32"
        )
    if not tensor.shape.dim:
        raise CheckFailedError(f"{spec.name}: {kind} {info.name} has no shape; export it with shapes")
    first = tensor.shape.dim[0]
    if first.HasField("dim_value"):
        raise CheckFailedError(
            f"{spec.name}: {kind} {info.name} has a fixed batch of {first.dim_value}; export it with a dynamic first "
            "axis"
        )
    first.dim_param = BATCH
