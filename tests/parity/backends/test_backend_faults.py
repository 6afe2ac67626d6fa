"""Small graphs on backends that are installed: what they must have right, and the faults that are told of them.

A fault that is no longer there fails its test, so that what was written on its account can go.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from vaeport_export.graph.spelling import halve_gelu_first, spell_out_pixel_shuffles
from vaeport_parity.backends import BACKENDS
from vaeport_parity.backends.base import ENVIRONMENTS_VARIABLE
from vaeport_parity.reference.evaluator import native_evaluator
from vaeport_parity.running.environments import missing_reason
from vaeport_parity.running.execution import GraphJob, run_once
from vaeport_parity.subjects.tensors import input_specs, output_specs

CHANNELS, SIZE = 4, 6
SATURATED = -352.0
"""An input of SiLU that a trained decoder really has; the answer is 0."""

pytestmark = pytest.mark.skipif(
    ENVIRONMENTS_VARIABLE not in os.environ, reason=f"{ENVIRONMENTS_VARIABLE} names no environments to try"
)


def model_of(nodes: list[NodeProto], rows: tuple[int, ...], *weights: TensorProto) -> ModelProto:
    """A graph from `x`, four channels, to `y`; its name is not its file's, as in a part cut from another graph."""
    given = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", CHANNELS, SIZE, SIZE])
    wanted = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", *rows])
    graph = helper.make_graph(nodes, "part of {a graph}", [given], [wanted], list(weights))
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


def pixel_shuffle() -> ModelProto:
    return model_of([helper.make_node("DepthToSpace", ["x"], ["y"], mode="CRD", blocksize=2)], (1, 2 * SIZE, 2 * SIZE))


def spelled_out_pixel_shuffle() -> ModelProto:
    """The same behind an operator, since the size of an input is the file's to say."""
    model = pixel_shuffle()
    node = model.graph.node[0]
    node.input[0] = "same"
    model.graph.node.insert(0, helper.make_node("Identity", ["x"], ["same"], "same"))
    spell_out_pixel_shuffles(model)
    return model


def silu() -> ModelProto:
    nodes = [helper.make_node("Sigmoid", ["x"], ["s"]), helper.make_node("Mul", ["x", "s"], ["y"])]
    return model_of(nodes, (CHANNELS, SIZE, SIZE))


def convolution() -> ModelProto:
    """Padding, a stride of 2, and six channels, which four do not divide; then SiLU."""
    rng = np.random.default_rng(1)
    weight = numpy_helper.from_array(rng.standard_normal((6, CHANNELS, 3, 3), np.float32), "weight")
    bias = numpy_helper.from_array(rng.standard_normal(6, np.float32), "bias")
    nodes = [
        helper.make_node("Conv", ["x", "weight", "bias"], ["c"], pads=[1, 1, 1, 1], strides=[2, 2]),
        helper.make_node("Sigmoid", ["c"], ["s"]),
        helper.make_node("Mul", ["c", "s"], ["y"]),
    ]
    return model_of(nodes, (6, SIZE // 2, SIZE // 2), weight, bias)


def image(batch: int) -> NDArray[np.float32]:
    return np.random.default_rng(batch).standard_normal((batch, CHANNELS, SIZE, SIZE), np.float32)


def largest_error(backend: str, model: ModelProto, x: NDArray[np.float32], folder: Path) -> float:
    """Distance of a backend's answer from the standard's own evaluator; infinite where there is none."""
    if reason := missing_reason(BACKENDS[backend].facts):
        pytest.skip(reason)
    answers: Any = native_evaluator(model).run(["y"], {"x": x})
    expected = answers[0]
    onnx.save(model, folder / "model.onnx")
    graph = GraphJob("graph", folder / "model.onnx", input_specs(model), output_specs(model))
    outcome = run_once(BACKENDS[backend], graph, {"x": x}, folder / "job", limit=120)
    return float(np.abs(outcome.answers[0]["y"] - expected).max()) if outcome.answers else float("inf")


@pytest.mark.parametrize("batch", [1, 7])
@pytest.mark.parametrize("model", [spelled_out_pixel_shuffle, convolution], ids=["pixel_shuffle", "convolution"])
@pytest.mark.parametrize("backend", ["tvm", "iree", "tinygrad", "tract"])
def test_parts_of_a_convolutional_decoder_are_right(
    backend: str, model: Callable[[], ModelProto], batch: int, tmp_path: Path
) -> None:
    assert largest_error(backend, model(), image(batch), tmp_path) <= 2e-5


def test_iree_takes_depth_to_space_for_its_other_mode(tmp_path: Path) -> None:
    """https://github.com/iree-org/iree/issues/24179: what DepthToSpace is replaced for."""
    assert largest_error("iree", pixel_shuffle(), image(2), tmp_path) > 1


def saturated() -> NDArray[np.float32]:
    return np.full((1, CHANNELS, SIZE, SIZE), SATURATED, np.float32)


def test_newest_tract_has_silu_stop_short_of_zero(tmp_path: Path) -> None:
    """https://github.com/sonos/tract/pull/2719: why an older version is compared, too."""
    assert 1e-6 < largest_error("tract-newest", silu(), saturated(), tmp_path) < 1e-5


@pytest.mark.parametrize("backend", ["tract", "tvm", "iree", "tinygrad"])
def test_saturated_silu_is_zero(backend: str, tmp_path: Path) -> None:
    assert largest_error(backend, silu(), saturated(), tmp_path) == 0


def constant(name: str, value: float) -> TensorProto:
    return numpy_helper.from_array(np.array(value, np.float32), name)


def variance(kind: str, floor: float) -> ModelProto:
    """log(exp(x) + 0.25), its floor added or its negative taken away."""
    nodes = [
        helper.make_node("Exp", ["x"], ["e"]),
        helper.make_node(kind, ["e", "floor"], ["v"]),
        helper.make_node("Log", ["v"], ["y"]),
    ]
    return model_of(nodes, (CHANNELS, SIZE, SIZE), constant("floor", floor))


def test_opencv_takes_a_floored_variance_for_softplus_unless_it_is_a_difference(tmp_path: Path) -> None:
    """Why the floor is subtracted in MlpEncoder."""
    (tmp_path / "sum").mkdir()
    (tmp_path / "difference").mkdir()

    assert largest_error("opencv", variance("Add", 0.25), image(2), tmp_path / "sum") > 0.1
    assert largest_error("opencv", variance("Sub", -0.25), image(2), tmp_path / "difference") < 2e-6


def gelu(order: str) -> ModelProto:
    """GELU as PyTorch's exporter writes it, with its half first as vaeport does, or last as the textbook does."""
    last = helper.make_node("Mul", ["x", "m"], ["h"]), helper.make_node("Mul", ["h", "half"], ["y"])
    middle = helper.make_node("Mul", ["half", "m"], ["h"]), helper.make_node("Mul", ["x", "h"], ["y"])
    nodes = [
        helper.make_node("Div", ["x", "root"], ["d"]),
        helper.make_node("Erf", ["d"], ["e"]),
        helper.make_node("Add", ["e", "one"], ["m"]),
        *(last if order == "last" else middle),
    ]
    constants = [constant("root", 2**0.5), constant("one", 1), constant("half", 0.5)]
    model = model_of(nodes, (CHANNELS, SIZE, SIZE), *constants)
    if order == "first":
        halve_gelu_first(model)
    return model


@pytest.mark.parametrize("backend", ["opencv", "mnn", "ncnn", "jax", "tract", "tvm", "iree", "tinygrad", "openvino"])
def test_gelu_with_its_half_first_is_right(backend: str, tmp_path: Path) -> None:
    assert largest_error(backend, gelu("first"), image(2), tmp_path) < 2e-6


def test_opencv_dies_of_the_exporters_gelu(tmp_path: Path) -> None:
    """The first reason why `halve_gelu_first` is there."""
    assert largest_error("opencv", gelu("middle"), image(2), tmp_path) == float("inf")


def test_mnn_approximates_the_textbooks_gelu(tmp_path: Path) -> None:
    """The second reason."""
    assert 1e-5 < largest_error("mnn", gelu("last"), image(2), tmp_path) < 1e-2


def mean_over_a_stack() -> ModelProto:
    """Mean of the logarithms of a convolution's and of twice its softmaxes, which are stacked on a new first axis."""
    kernels = 0.1 * np.random.default_rng(9).standard_normal((5, CHANNELS, SIZE, SIZE), np.float32)
    weight = numpy_helper.from_array(kernels, "weight")
    nodes = [
        helper.make_node("Conv", ["x", "weight"], ["c"]),
        helper.make_node("Reshape", ["c", "flat"], ["f"]),
        helper.make_node("Mul", ["f", "two"], ["g"]),
        helper.make_node("Unsqueeze", ["f", "first"], ["f1"]),
        helper.make_node("Unsqueeze", ["g", "first"], ["g1"]),
        helper.make_node("Concat", ["f1", "g1"], ["s"], axis=0),
        helper.make_node("LogSoftmax", ["s"], ["l"], axis=2),
        helper.make_node("ReduceMean", ["l", "first"], ["y"], keepdims=0),
    ]
    axes = numpy_helper.from_array(np.array([0]), "first")
    flat = numpy_helper.from_array(np.array([-1, 5]), "flat")
    return model_of(nodes, (5,), weight, axes, flat, constant("two", 2))


def test_pnnx_loses_the_mean_over_a_stack(tmp_path: Path) -> None:
    """Why ConvClassifier adds its towers one by one."""
    assert largest_error("ncnn", mean_over_a_stack(), image(1), tmp_path) > 0.1
