"""int8 weights and activations, calibrated on training images.

Products are quantised, what lies between stays float32: convolutions and matrix products have nearly all weights and
nearly all the time. Weights take 7 of their 8 bits: processors with AVX2 and without VNNI add two products in 16 bits,
which overflow with 8 (onnxruntime's notes on quantisation, "When to use reduce-range"), so that the same file would
answer otherwise there. Ranges are fixed (static), so that a row never depends on the others in its batch.
"""

import contextlib
import importlib
import io
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, numpy_helper

from vaeport.common.fileio import scratch_folder
from vaeport.sessions.session import import_onnxruntime

from ..bundle.probes import Inputs

_PRODUCTS = ["Conv", "Gemm", "MatMul"]
_MOST_ROWS = 64
_ZERO_POINT = 2  # its place among the inputs of QuantizeLinear
_HEAD_SHARE = 0.02
"""A product that makes an output stays float32 if it has at most this share of the weights: its rounding would be the
answer's own."""

_PERCENTILE = 99.99
"""Of the values that a range is measured on; the rest is cut. Chosen on training images among 99.9 to 100."""

_RANGE_BITS = 8


def to_int8(content: bytes, inputs: Inputs) -> ModelProto:
    """The same graph with quantised products, as QuantizeLinear and DequantizeLinear around them.

    Args:
        content: an ONNX file in float32.
        inputs: what ranges are measured on, float32 [N, ...] by input name.

    Returns:
        A graph whose inputs and outputs are float32; the same arguments give the same graph.
    """
    tools = _tools()
    return _quantised(content, _ranges(content, inputs, tools), tools, {})


def to_int8_like(content: bytes, quantised: ModelProto) -> ModelProto:
    """The same graph with quantised products, in the ranges that another quantised graph of it has.

    Args:
        content: an ONNX file in float32.
        quantised: a graph that `to_int8` made of it, or that claims so.
    """
    tools = _tools()
    known = roundings(quantised)
    ranges = dict.fromkeys(known, (np.float32(0), np.float32(1)))  # what is stated below is taken instead
    stated = {
        name: [{"scale": one.raw[0], "zero_point": one.raw[1], "quant_type": tools.QuantType.QUInt8}]
        for name, one in known.items()
    }
    return _quantised(content, _minima_and_maxima(ranges, tools), tools, {"TensorQuantOverrides": stated})


@dataclass(frozen=True, eq=False)
class Rounding:
    """How a graph rounds one tensor to integers while it runs."""

    names: tuple[str, str]
    """Names of scale and zero point."""
    raw: tuple[NDArray[Any], NDArray[Any]]
    """Scale, float32, and zero point, uint8 or int8."""

    @property
    def scale(self) -> float:
        """One step."""
        return float(self.raw[0].item())

    @property
    def low(self) -> float:
        """The least value that is not cut off."""
        return (np.iinfo(self.raw[1].dtype).min - int(self.raw[1].item())) * self.scale

    @property
    def high(self) -> float:
        """The largest value that is not cut off."""
        return (np.iinfo(self.raw[1].dtype).max - int(self.raw[1].item())) * self.scale


def roundings(quantised: ModelProto) -> dict[str, Rounding]:
    """Every tensor that a graph rounds with one scale while it runs, by the tensor's name."""
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in quantised.graph.initializer}
    found = {}
    for node in quantised.graph.node:
        if node.op_type == "QuantizeLinear" and len(node.input) > _ZERO_POINT and {*node.input[1:]} <= constants.keys():
            scale, zero_point = (constants[name] for name in node.input[1:])
            if scale.size == zero_point.size == 1 and zero_point.dtype.kind in "iu":
                found[node.input[0]] = Rounding((node.input[1], node.input[2]), (scale, zero_point))
    return found


def _quantised(content: bytes, ranges: Any, tools: Any, options: Mapping[str, Any]) -> ModelProto:
    model = onnx.load_model_from_string(content)
    quantizer = tools.QDQQuantizer(
        model,
        per_channel=True,
        reduce_range=True,
        weight_qType=tools.QuantType.QInt8,
        activation_qType=tools.QuantType.QUInt8,
        tensors_range=ranges,
        nodes_to_quantize=None,
        nodes_to_exclude=[node.name for node in (*_heads(model), *_readers_of_outputs(model))],
        op_types_to_quantize=_PRODUCTS,
        # onnxruntime multiplies matrices of int8 into float32 at once, so their results need no rounding of their own.
        extra_options={"OpTypesToExcludeOutputQuantization": ["Gemm", "MatMul"], **options},
    )
    quantizer.quantize_model()
    quantizer.model.topological_sort()
    quantised: ModelProto = quantizer.model.model
    return quantised


def _tools() -> Any:
    import_onnxruntime()  # with its telemetry off
    return importlib.import_module("onnxruntime.quantization")


class _Batches:
    """Inputs in batches, once through, as onnxruntime's calibrators ask for them: of equal size, or they fail."""

    def __init__(self, inputs: Inputs) -> None:
        n = len(next(iter(inputs.values())))
        size = max(size for size in range(1, _MOST_ROWS + 1) if n % size == 0)
        self._batches = ({name: v[i : i + size] for name, v in inputs.items()} for i in range(0, n, size))

    def get_next(self) -> Inputs | None:
        """The next batch, None after the last."""
        return next(self._batches, None)


def _ranges(content: bytes, inputs: Inputs, tools: Any) -> Any:
    """Range of every tensor beside a product, without the outermost values, which are few and far."""
    with scratch_folder("vaeport-int8") as folder:
        path = folder / "model.onnx"
        path.write_bytes(content)
        calibrator = tools.create_calibrator(
            path,
            op_types_to_calibrate=_PRODUCTS,
            augmented_model_path=str(folder / "augmented.onnx"),
            calibrate_method=tools.CalibrationMethod.Percentile,
            extra_options={"percentile": _PERCENTILE, "num_bins": 2048},
        )
        with contextlib.redirect_stdout(io.StringIO()):  # it prints what it is at
            calibrator.collect_data(_Batches(inputs))
            measured = calibrator.compute_data()
    ranges = {
        name: (_outward(data.lowest.item(), math.floor), _outward(data.highest.item(), math.ceil))
        for name, data in measured.items()
    }
    return _minima_and_maxima(ranges, tools)


def _minima_and_maxima(ranges: Mapping[str, tuple[np.float32, np.float32]], tools: Any) -> Any:
    return tools.TensorsData(tools.CalibrationMethod.MinMax, dict(ranges))


def _outward(value: float, rounding: Callable[[float], int]) -> np.float32:
    """A bound rounded outward to a few bits, so that another summation order rarely changes the file."""
    step = 2.0 ** (math.frexp(value)[1] - _RANGE_BITS)
    return np.float32(rounding(value / step) * step)


def _readers_of_outputs(model: ModelProto) -> list[NodeProto]:
    """Products that take an output of the graph, class probabilities for instance: theirs would be rounded with it."""
    outputs = {output.name for output in model.graph.output}
    return [node for node in model.graph.node if node.op_type in _PRODUCTS and outputs.intersection(node.input)]


def _heads(model: ModelProto) -> list[NodeProto]:
    """The last products on the way to each output, where they are small."""
    sizes = {tensor.name: math.prod(tensor.dims) for tensor in model.graph.initializer}
    makers = {name: node for node in model.graph.node for name in node.output}
    heads: dict[str, NodeProto] = {}
    seen, open_names = set[str](), [output.name for output in model.graph.output]
    while open_names:
        name = open_names.pop()
        node = makers.get(name)
        if node is None or name in seen:
            continue
        seen.add(name)
        if node.op_type in _PRODUCTS:
            heads[node.name] = node
        else:
            open_names += node.input
    most = _HEAD_SHARE * sum(sizes.values())
    return [node for node in heads.values() if sum(sizes.get(name, 0) for name in node.input) <= most]
