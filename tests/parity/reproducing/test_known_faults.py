"""Faults of real runtimes, found in real networks, each down to at most three nodes, with a script that shows it.

They take minutes, and run where the runtimes are installed. A fault that is no longer there fails its test, so that
what was written on its account can go.
"""

import os
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import ModelProto, helper, numpy_helper

from tests.parity.backends import test_backend_faults as known
from vaeport_parity.backends import BACKENDS
from vaeport_parity.backends.base import ENVIRONMENTS_VARIABLE, environment_of
from vaeport_parity.reproducing.reproducer import make_reproducer
from vaeport_parity.running.environments import interpreter_of, missing_reason
from vaeport_parity.running.execution import GraphJob, run_once
from vaeport_parity.subjects.subject import Graph
from vaeport_parity.subjects.tensors import Arrays, input_specs, output_specs

ROOT = Path(__file__).resolve().parents[3]
LIMIT = 400.0
MOST_NODES = 3

pytestmark = [
    pytest.mark.torture,
    pytest.mark.skipif(
        ENVIRONMENTS_VARIABLE not in os.environ, reason=f"{ENVIRONMENTS_VARIABLE} names no environments to try"
    ),
]


def golden(bundle: str, graph: str, *names: str) -> Arrays:
    """The first rows of a bundle's golden inputs."""
    with np.load(ROOT / f"models/{bundle}/golden.npz") as file:
        arrays = {name: file[f"{graph}.{name}"][20:50] for name in names}
    return {k: v.astype(np.float32) / np.float32(255) if v.dtype == np.uint8 else v for k, v in arrays.items()}


def file_of(path: str) -> Callable[[], ModelProto]:
    return lambda: onnx.load(ROOT / "models" / path / "model.onnx")


def upsampling() -> ModelProto:
    """Two convolutions around a pixel shuffle, as PyTorch's exporter spells it."""
    rng = np.random.default_rng(4)
    weights = {
        "w1": rng.standard_normal((16, 4, 3, 3), np.float32),
        "w2": rng.standard_normal((4, 4, 3, 3), np.float32),
    }
    nodes = [
        helper.make_node("Conv", ["x", "w1"], ["c"], "enter", pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c"], ["r"], "relu"),
        helper.make_node("DepthToSpace", ["r"], ["s"], "shuffle", mode="CRD", blocksize=2),
        helper.make_node("Conv", ["s", "w2"], ["y"], "leave", pads=[1, 1, 1, 1]),
    ]
    return known.model_of(
        nodes, (4, 2 * known.SIZE, 2 * known.SIZE), *(numpy_helper.from_array(v, k) for k, v in weights.items())
    )


def deep_convolution() -> ModelProto:
    """Weights that float16 holds exactly, so that rounding them to it changes nothing; Winograd's transforms do."""
    rng = np.random.default_rng(6)
    shapes = {"w1": (32, 4, 3, 3), "w2": (32, 32, 3, 3)}
    weights = {k: (rng.integers(-64, 65, shape) / 64).astype(np.float32) for k, shape in shapes.items()}
    nodes = [
        helper.make_node("Conv", ["x", "w1"], ["c"], "first", pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c"], ["r"], "relu"),
        helper.make_node("Conv", ["r", "w2"], ["y"], "second", pads=[1, 1, 1, 1]),
    ]
    return known.model_of(
        nodes, (32, known.SIZE, known.SIZE), *(numpy_helper.from_array(v, k) for k, v in weights.items())
    )


@dataclass(frozen=True)
class Known:
    """A fault and where it shows."""

    backend: str
    """Name of the backend."""
    model: Callable[[], ModelProto]
    """The network."""
    inputs: Callable[[], Arrays]
    """A batch of inputs."""
    output: str
    """The output that falls short."""
    tolerance: float
    """Its bound in the bundle, or a rounding step or two of the largest answer."""
    kinds: frozenset[str]
    """Operators of which the smallest graph may consist."""


FAULTS = {
    "tract's sigmoid stops at -14.5": Known(
        "tract-newest",
        file_of("mnist/fp32/decoder"),
        lambda: golden("mnist", "decoder", "z", "class_probs"),
        "image",
        1e-5,
        frozenset({"Sigmoid"}),
    ),
    "MNN's Winograd": Known(
        "mnn-default",
        file_of("mnist/fp32/encoder_classifier"),
        lambda: golden("mnist", "encoder_classifier", "image"),
        "z_mean",
        2.5e-5,
        frozenset({"Conv", "Relu"}),
    ),
    "ncnn rounds weights to float16": Known(
        "ncnn-default",
        file_of("mnist/fp32/encoder_classifier"),
        lambda: golden("mnist", "encoder_classifier", "image"),
        "z_mean",
        2.5e-5,
        frozenset({"Conv", "Gemm"}),
    ),
    "ncnn's Winograd": Known(
        "ncnn-default", deep_convolution, lambda: {"x": known.image(2)}, "y", 1e-4, frozenset({"Conv", "Relu"})
    ),
    "IREE's DepthToSpace": Known(
        "iree", upsampling, lambda: {"x": known.image(2)}, "y", 1e-4, frozenset({"DepthToSpace"})
    ),
    "OpenCV's softplus": Known(
        "opencv",
        lambda: known.variance("Add", 0.25),
        lambda: {"x": known.image(2)},
        "y",
        2e-6,
        frozenset({"Exp", "Add", "Log"}),
    ),
    "LiteRT's int8": Known(
        "litert",
        file_of("mnist-blog/int8/encoder_classifier"),
        lambda: golden("mnist-blog", "encoder_classifier", "image"),
        "z_mean",
        0.00115,
        frozenset({"QuantizeLinear", "DequantizeLinear", "Gemm"}),
    ),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_known_fault_is_down_to_three_nodes_and_its_script_shows_it(fault: Known, tmp_path: Path) -> None:
    runtime = BACKENDS[fault.backend]
    if reason := missing_reason(runtime.facts):
        pytest.skip(reason)
    model = fault.model()

    def run(backend: str, graph: str, model: ModelProto, inputs: Arrays, *, limit: float) -> tuple[Arrays | None, str]:
        folder = Path(tempfile.mkdtemp(dir=tmp_path))
        onnx.save(model, folder / "part.onnx")
        job = GraphJob(graph, folder / "part.onnx", input_specs(model), output_specs(model))
        outcome = run_once(BACKENDS[backend], job, inputs, folder / "job", limit=limit, forked=True)
        return outcome.answers.get(0), outcome.missing or outcome.errors.get(0, "")

    content = model.SerializeToString()
    graph = Graph("net", content, "net.onnx", input_specs(model), output_specs(model), None)  # type: ignore[arg-type]  # no reference is needed
    found = make_reproducer(
        graph, fault.backend, fault.inputs(), {}, fault.output, fault.tolerance, run=run, limit=LIMIT
    )

    assert found is not None
    assert found.files, found.text
    small = onnx.load_model_from_string(found.files["model.onnx"])
    assert len(small.graph.node) == found.nodes <= MOST_NODES
    assert {node.op_type for node in small.graph.node} <= fault.kinds
    found.write(tmp_path / "out")
    script = tmp_path / "out/reproduce.py"
    assert script.read_text().count("\n") <= 30
    assert "vaeport" not in script.read_text()
    variables = {**os.environ, "PATH": f"{environment_of(runtime.facts) / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        [str(interpreter_of(runtime.facts)), script], capture_output=True, text=True, check=False, env=variables
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert found.confirmed
