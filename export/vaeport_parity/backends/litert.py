"""LiteRT (TensorFlow Lite), converted by onnx2tf."""

import importlib
import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .base import (
    Arrays,
    Facts,
    GraphFile,
    Runner,
    Shapes,
    Tensor,
    contiguous,
    installed_version,
    per_shape,
    refuse_types,
)

_TYPES = ("float32", "float64", "int64", "int32", "int16", "int8", "uint8", "bool")
_IMAGE_OPERATORS = ("Conv", "Pool", "BatchNorm", "InstanceNorm", "GroupNorm", "Resize", "DepthToSpace", "SpaceToDepth")
_IMAGE_RANKS = (3, 4, 5)
_LAYOUT_RANK = 3  # from this rank on TensorFlow has channels last, and onnx2tf leaves outputs so


class Litert:
    """LiteRT's interpreter with its reference and XNNPACK kernels."""

    facts = Facts(
        "litert",
        module="ai_edge_litert",
        packages=("ai-edge-litert", "onnx2tf", "numpy"),
        empty_batch=False,
        remark="converted by onnx2tf",
        imports=("onnx2tf", "ai_edge_litert.interpreter"),
    )

    def version(self) -> str:
        """Version of LiteRT."""
        return f"{installed_version('ai-edge-litert')} with onnx2tf {installed_version('onnx2tf')}"

    def load(self, graph: GraphFile) -> Runner:
        """Convert each output by itself, since onnx2tf gives several in an order and under names of its own.

        A graph whose only symbolic axis is the batch is converted once; others once for each combination of shapes.

        Raises:
            TypeError: the graph has an input or output of a type that onnx2tf does not keep.
        """
        refuse_types(graph, _TYPES, "onnx2tf")
        symbols = {axis for tensor in graph.inputs.values() for axis in tensor.shape if isinstance(axis, str)}
        if symbols <= {graph.batch}:
            return _converted(graph, None)
        return per_shape(lambda shapes: _converted(graph, shapes))


def _converted(graph: GraphFile, shapes: Shapes | None) -> Runner:
    folder = graph.scratch / ("any" if shapes is None else "_".join("x".join(map(str, s)) for s in shapes.values()))
    models = {
        tensor.name: _interpreter(graph, tensor, folder / str(place), shapes)
        for place, tensor in enumerate(graph.outputs.values())
    }

    def run(inputs: Arrays) -> dict[str, Any]:
        sizes = _sizes(graph, inputs)
        return {name: _answer(model, inputs, graph.outputs[name], sizes) for name, model in models.items()}

    return run


def _interpreter(graph: GraphFile, output: Tensor, folder: Path, shapes: Shapes | None) -> Any:
    onnx: Any = importlib.import_module("onnx")
    onnx2tf: Any = importlib.import_module("onnx2tf")
    # It fetches pictures from the network, to find out by trial how axes lie; any numbers do.
    setattr(importlib.import_module("onnx2tf.onnx2tf"), "download_test_image_data", _sample_images)  # noqa: B010
    interpreter: Any = importlib.import_module("ai_edge_litert.interpreter")
    folder.mkdir(parents=True)
    whole = onnx.shape_inference.infer_shapes(onnx.load(graph.path))
    part = onnx.utils.Extractor(whole).extract_model(list(graph.inputs), [output.name])
    if len(output.shape) >= _LAYOUT_RANK:
        _flatten(onnx, part, output)
    onnx.save(part, folder / "part.onnx")
    fixed = {name: shape for name, shape in (shapes or {}).items() if shape}
    _convert(
        onnx2tf,
        input_onnx_file_path=str(folder / "part.onnx"),
        output_folder_path=str(folder / "converted"),
        copy_onnx_input_output_names_to_tflite=True,
        **_layout_options(part, graph),
        overwrite_input_shape=[f"{name}:{','.join(map(str, shape))}" for name, shape in fixed.items()] or None,
        non_verbose=True,
    )
    return interpreter.Interpreter(model_path=str(folder / "converted/part_float32.tflite"), num_threads=1)


def _layout_options(part: Any, graph: GraphFile) -> dict[str, list[str]]:
    """How inputs keep the shapes that the graph states.

    Channels are first where there are convolutions: with inputs told to be so, onnx2tf exchanges axes by rule, and does
    not guess by sizes, which may be equal. Elsewhere inputs stay as they are.
    """
    with_channels = any(any(word in node.op_type for word in _IMAGE_OPERATORS) for node in part.graph.node)
    images = [name for name, tensor in graph.inputs.items() if with_channels and len(tensor.shape) in _IMAGE_RANKS]
    return {
        "keep_ncw_or_nchw_or_ncdhw_input_names": images,
        "keep_shape_absolutely_input_names": [name for name in graph.inputs if name not in images],
    }


def _convert(onnx2tf: Any, **options: Any) -> None:
    """Convert a file.

    Raises:
        RuntimeError: onnx2tf cannot, for which it raises all kinds of errors, without words too, and ends the program.
    """
    try:
        onnx2tf.convert(**options)
    except (Exception, SystemExit) as error:
        said = " ".join(str(error).split()).strip("' ") or type(error).__name__
        raise RuntimeError(f"onnx2tf cannot convert the graph: {said[:200]}") from error


def _sample_images() -> NDArray[np.float32]:
    return np.random.default_rng(0).random((20, 128, 128, 3), np.float32)


def _flatten(onnx: Any, part: Any, output: Tensor) -> None:
    """Let a graph answer a list of numbers, whose order is ONNX's, instead of a tensor with channels last."""
    value = part.graph.output[0]
    flat, minus_one = f"{output.name}_flat", f"{output.name}_flat_shape"
    part.graph.initializer.append(onnx.numpy_helper.from_array(np.array([-1]), minus_one))
    part.graph.node.append(onnx.helper.make_node("Reshape", [output.name, minus_one], [flat], flat))
    part.graph.output[0].CopyFrom(onnx.helper.make_tensor_value_info(flat, value.type.tensor_type.elem_type, [None]))


def _sizes(graph: GraphFile, inputs: Arrays) -> dict[str, int]:
    return {
        axis: size
        for name, tensor in graph.inputs.items()
        for axis, size in zip(tensor.shape, inputs[name].shape, strict=True)
        if isinstance(axis, str)
    }


def _answer(model: Any, inputs: Arrays, output: Tensor, sizes: dict[str, int]) -> NDArray[Any]:
    given = [(detail["index"], inputs[_plain(detail["name"])]) for detail in model.get_input_details()]
    for index, values in given:
        model.resize_tensor_input(index, list(values.shape))
    model.allocate_tensors()
    for index, values in given:
        model.set_tensor(index, contiguous(values))
    model.invoke()
    answer: NDArray[Any] = model.get_tensor(model.get_output_details()[0]["index"])
    if len(output.shape) < _LAYOUT_RANK:
        return answer
    shape = [sizes.get(axis, -1) if isinstance(axis, str) else axis for axis in output.shape]
    if shape.count(-1) > 1 or (-1 not in shape and math.prod(shape) != answer.size):
        raise ValueError(f"{output.name} came as {answer.size} numbers, which do not make {shape}")
    return answer.reshape(shape)


def _plain(name: str) -> str:
    """A graph's own name of an input that TensorFlow calls `serving_default_image:0`, for instance."""
    return name.removeprefix("serving_default_").partition(":")[0]
