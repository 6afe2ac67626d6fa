"""Defects of graphs in float16 and int8, alone and with their recorded answers made from them."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto

from .editing import (
    DECODER,
    ENCODER,
    Change,
    answers_made_from,
    both,
    constants,
    entry,
    graph,
    made,
    operator,
    spliced,
    weight,
)
from .kinds import BLOG, CONV, SHIPPED, Defect

_BIAS = "network.decoder.layers.2.bias"
_ROWS, _SCALE = "network.classifier.layers.0.weight_quantized", "network.classifier.layers.0.weight_scale"
_DEQUANTIZE = "network.classifier.layers.0.weight_DequantizeLinear"
_PIXEL_POINT = "view_zero_point"


def _grey(model: ModelProto) -> None:
    """The decoder draws the same grey for everything."""
    constants(model, none=np.float32(0), grey=np.float32(0.5))
    nodes = [made("Mul", "raw none", "blank", "blanked"), made("Add", "blank grey", "cooked", "made_grey")]
    spliced(model, "image", nodes)


def _drifted(output: str, amount: float) -> Change:
    def change(model: ModelProto) -> None:
        constants(model, amount=amount)
        spliced(model, output, [made("Add", "raw amount", "cooked", "drifted")])

    return change


def _negated(index: int) -> Callable[[NDArray[Any]], NDArray[Any]]:
    def change(values: NDArray[Any]) -> NDArray[Any]:
        values[index] = -np.maximum(values[index], -127)
        return values

    return change


def _doubled(values: NDArray[Any]) -> NDArray[Any]:
    return values * 2


def _random(model: ModelProto) -> None:
    constants(model, amount=1e-9)
    nodes = [
        made("RandomNormalLike", "raw", "noise", "drawn_noise"),
        made("Mul", "noise amount", "faint", "scaled_noise"),
        made("Add", "raw faint", "cooked", "with_noise"),
    ]
    spliced(model, "image", nodes)


def _of(
    name: str,
    precision: str,
    change: Change,
    *where: str,
    of: str = DECODER,
    base: str = BLOG,
    made_from: bool = False,
) -> Defect:
    plant = graph(change, of, precision)
    plant = both(plant, answers_made_from(of, precision)) if made_from else plant
    return Defect(name, base, plant, where, precision)


_MADE = "and golden answers made from it"

LOWER = [
    _of("decoder draws grey", "fp16", _grey, "made_grey", "blanked"),
    _of(f"decoder draws grey {_MADE}", "fp16", _grey, "made_grey", "blanked", made_from=True),
    _of(f"decoder draws grey {_MADE}", "fp16", _grey, "made_grey", "blanked", base=CONV, made_from=True),
    _of("one bias off", "fp16", entry(_BIAS, lambda value: value + 0.5), "node_linear_1", _BIAS),
    _of(
        f"one bias off {_MADE}", "fp16", entry(_BIAS, lambda value: value + 0.5), "node_linear_1", _BIAS, made_from=True
    ),
    _of(
        f"biases 10 % off {_MADE}",
        "fp16",
        weight(_BIAS, lambda values: (values * 1.1).astype(values.dtype)),
        "node_linear_1",
        _BIAS,
        made_from=True,
    ),
    _of(
        f"a row of the encoder negated {_MADE}",
        "fp16",
        weight("network.encoder.layers.2.weight", _negated(2)),
        "node_linear_3",
        "network.encoder.layers.2.weight",
        of=ENCODER,
        made_from=True,
    ),
    _of("HardSigmoid for Sigmoid", "fp16", operator("node_sigmoid", "HardSigmoid"), "node_sigmoid"),
    _of(f"classes drift {_MADE}", "fp16", _drifted("class_probs", 0.02), "drifted", of=ENCODER, made_from=True),
    _of("noise far below the floor", "fp16", _random, "drawn_noise"),
    _of(
        f"kernels of a convolution 5 % off {_MADE}",
        "fp16",
        weight("network.decoder.head.weight", lambda values: (values * 1.05).astype(values.dtype)),
        "node_conv2d_10",
        "network.decoder.head.weight",
        base=CONV,
        made_from=True,
    ),
    _of("a row negated", "int8", weight(_ROWS, _negated(5)), _DEQUANTIZE, _ROWS, "node_linear", of=ENCODER),
    _of(
        f"a row negated {_MADE}",
        "int8",
        weight(_ROWS, _negated(5)),
        _DEQUANTIZE,
        _ROWS,
        "node_linear",
        of=ENCODER,
        made_from=True,
    ),
    _of("scales doubled", "int8", weight(_SCALE, _doubled), _DEQUANTIZE, _SCALE, "node_linear", of=ENCODER),
    _of(
        f"scales doubled {_MADE}",
        "int8",
        weight(_SCALE, _doubled),
        _DEQUANTIZE,
        _SCALE,
        "node_linear",
        of=ENCODER,
        made_from=True,
    ),
    _of(
        f"one scale of a pixel doubled {_MADE}",
        "int8",
        entry("network.decoder.layers.2.weight_scale", lambda value: value * 2, (400,)),
        "network.decoder.layers.2.weight_DequantizeLinear",
        "network.decoder.layers.2.weight_scale",
        "node_linear_1",
        made_from=True,
    ),
    _of(
        f"zero point moved {_MADE}",
        "int8",
        weight(_PIXEL_POINT, lambda values: np.asarray(values + 8, values.dtype)),
        "view_QuantizeLinear",
        "view_DequantizeLinear",
        _PIXEL_POINT,
        of=ENCODER,
        made_from=True,
    ),
    _of(f"decoder draws grey {_MADE}", "int8", _grey, "made_grey", "blanked", made_from=True),
    _of(
        f"a row of the shipped network negated {_MADE}",
        "int8",
        weight("network.decoder.spread.weight_quantized", _negated(100)),
        "network.decoder.spread.weight_DequantizeLinear",
        "network.decoder.spread.weight_quantized",
        "node_linear_2",
        base=SHIPPED,
        made_from=True,
    ),
]
"""All of these."""
