"""Small graphs by hand, of the kinds that people bring: attention, recurrence, branches, loops, functions."""

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import ModelProto, numpy_helper, parser

Shapes = dict[str, tuple[int, ...]]


def built(text: str, shapes: Shapes | None = None, *, seed: int = 0, dtype: str = "float32") -> ModelProto:
    """A graph in ONNX's own text form, with seeded weights; checked, its shapes inferred."""
    model: ModelProto = parser.parse_model(text)
    rng = np.random.default_rng(seed)
    for name, shape in (shapes or {}).items():
        values = (rng.standard_normal(shape) / np.sqrt(shape[-1] if shape else 1)).astype(dtype)
        model.graph.initializer.append(numpy_helper.from_array(values, name))
    onnx.checker.check_model(model, full_check=True)
    return model


def attention() -> ModelProto:
    """Tokens with a mask, two symbolic axes, an embedding, one head of attention, a residual sum, normalisation."""
    return built(
        """<ir_version: 9, opset_import: ["": 17]>
        attention (int64[batch, length] tokens, bool[batch, length] mask) => (float[batch, length, 8] y)
        <float scale = {0.35355338}, float low = {-10000.0}, int64[1] axis = {1}> {
            embedded = Gather <axis = 0> (table, tokens)
            query = MatMul (embedded, w_query)
            key = MatMul (embedded, w_key)
            value = MatMul (embedded, w_value)
            turned = Transpose <perm = [0, 2, 1]> (key)
            products = MatMul (query, turned)
            scaled = Mul (products, scale)
            rows = Unsqueeze (mask, axis)
            masked = Where (rows, scaled, low)
            weights = Softmax <axis = -1> (masked)
            mixed = MatMul (weights, value)
            projected = MatMul (mixed, w_out)
            summed = Add (embedded, projected)
            y = LayerNormalization <axis = -1, epsilon = 0.00001> (summed, gain, shift)
        }""",
        {
            "table": (40, 8),
            **dict.fromkeys(("w_query", "w_key", "w_value", "w_out"), (8, 8)),
            "gain": (8,),
            "shift": (8,),
        },
    )


def recurrent() -> ModelProto:
    """A GRU over sequences of any length, and a linear head on its last state."""
    return built(
        """<ir_version: 8, opset_import: ["": 17]>
        recurrent (float[batch, length, 5] x) => (float[batch, 3] y, int64[batch] best)
        <int64[1] first = {0}> {
            steps = Transpose <perm = [1, 0, 2]> (x)
            all, last = GRU <hidden_size = 6, linear_before_reset = 1> (steps, w, r, b)
            state = Squeeze (last, first)
            hidden = Tanh (state)
            y = Gemm <transB = 1> (hidden, w_head, b_head)
            best = ArgMax <axis = 1, keepdims = 0> (y)
        }""",
        {"w": (1, 18, 5), "r": (1, 18, 6), "b": (1, 36), "w_head": (3, 6), "b_head": (3,)},
    )


def branching() -> ModelProto:
    """An If whose branches read tensors from outside."""
    return built(
        """<ir_version: 8, opset_import: ["": 17]>
        branching (float[batch, 4] x, bool positive) => (float[batch, 4] y)
        <float two = {2.0}> {
            hidden = MatMul (x, w)
            shifted = Add (hidden, b)
            chosen = If (positive) <
                then_branch = kept () => (float[batch, 4] a) { doubled = Mul (shifted, two)
                    a = Relu (doubled) },
                else_branch = turned () => (float[batch, 4] c) { c = Sub (hidden, shifted) }>
            y = Tanh (chosen)
        }""",
        {"w": (4, 4), "b": (4,)},
    )


def looping() -> ModelProto:
    """A Loop that applies one matrix, read from outside, three times."""
    return built(
        """<ir_version: 8, opset_import: ["": 17]>
        looping (float[batch, 4] x) => (float[batch, 4] y)
        <int64 times = {3}, bool go = {1}> {
            start = Relu (x)
            end = Loop (times, go, start) <
                body = turn (int64 i, bool on, float[batch, 4] state) => (bool still, float[batch, 4] next) {
                    still = Identity (on)
                    product = MatMul (state, w)
                    next = Tanh (product) }>
            y = Add (end, start)
        }""",
        {"w": (4, 4)},
    )


def calling() -> ModelProto:
    """Local functions, one of which calls the other, with an attribute of its own."""
    return built(
        """<ir_version: 9, opset_import: ["": 17, "local": 1]>
        calling (float[batch, 6] x) => (float[batch, 2] y) {
            hidden = MatMul (x, w1)
            active = local.Block <slope: float = 0.1> (hidden, b1)
            out = MatMul (active, w2)
            y = local.Squash (out)
        }
        <domain: "local", opset_import: ["": 17, "local": 1]>
        Block <slope> (value, bias) => (result) {
            shifted = Add (value, bias)
            leaky = LeakyRelu <alpha: float = @slope> (shifted)
            result = local.Squash (leaky)
        }
        <domain: "local", opset_import: ["": 17]>
        Squash (value) => (result) {
            half = Constant <value_float = 0.5> ()
            small = Mul (value, half)
            result = Tanh (small)
        }""",
        {"w1": (6, 5), "b1": (5,), "w2": (5, 2)},
    )


def unbatched() -> ModelProto:
    """Inputs that share no axis, one of them a single number; no batch at all."""
    return built(
        """<ir_version: 8, opset_import: ["": 17]>
        unbatched (float[rows, 3] x, float[3, columns] z, float factor) => (float[rows, columns] y, bool[rows] big)
        <int64[1] last = {1}, float zero = {0.0}> {
            product = MatMul (x, z)
            scaled = Mul (product, factor)
            y = Sub (scaled, offset)
            sums = ReduceSum <keepdims = 0> (y, last)
            big = Greater (sums, zero)
        }""",
        {"offset": (1,)},
    )


def convolutional(dtype: str = "float32") -> ModelProto:
    """Grouped and dilated convolutions, upsampling by a transposed convolution, in any float type."""
    kind = {"float32": "float", "float16": "float16", "float64": "double"}[dtype]
    return built(
        f"""<ir_version: 9, opset_import: ["": 17]>
        convolutional ({kind}[batch, 2, 6, 6] x) => ({kind}[batch, 1, 12, 12] y) {{
            grouped = Conv <group = 2, pads = [1, 1, 1, 1]> (x, w1, b1)
            active = Relu (grouped)
            wide = Conv <dilations = [2, 2], pads = [2, 2, 2, 2]> (active, w2)
            large = ConvTranspose <group = 2, strides = [2, 2]> (wide, w3, b3)
            mixed = Conv (large, w4)
            y = Sigmoid (mixed)
        }}""",
        {"w1": (4, 1, 3, 3), "b1": (4,), "w2": (4, 4, 3, 3), "w3": (4, 1, 2, 2), "b3": (2,), "w4": (1, 2, 1, 1)},
        dtype=dtype,
    )


GRAPHS = {each.__name__: each for each in (attention, recurrent, branching, looping, calling, unbatched, convolutional)}
"""All of them by name."""


def inputs_of(name: str, rows: int = 9, *, seed: int = 1) -> dict[str, NDArray[np.generic]]:
    """Seeded inputs of a graph by its name."""
    rng = np.random.default_rng(seed)

    def floats(*shape: int) -> NDArray[np.float32]:
        return rng.standard_normal(shape).astype(np.float32)

    made: dict[str, dict[str, NDArray[np.generic]]] = {
        "attention": {"tokens": rng.integers(0, 40, (rows, 5)), "mask": rng.random((rows, 5)) < 0.7},
        "recurrent": {"x": floats(rows, 4, 5)},
        "branching": {"x": floats(rows, 4), "positive": np.array(True)},
        "looping": {"x": floats(rows, 4)},
        "calling": {"x": floats(rows, 6)},
        "unbatched": {"x": floats(rows, 3), "z": floats(3, 4), "factor": np.array(0.5, np.float32)},
        "convolutional": {"x": floats(rows, 2, 6, 6)},
    }
    return made[name]
