"""A backend that computes as the standard's evaluator does, with faults planted in it; and networks that meet them."""

import os
import shutil
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun

from vaeport_parity.backends.base import Facts, GraphFile, Runner
from vaeport_parity.backends.plugins import GROUP, PluginBackend

Array = NDArray[Any]

FEATURES, HIDDEN = 12, 16


class Sigmoid(OpRun):
    """Takes inputs below -14.5 for -14.5, as a real runtime does."""

    op_domain = ""

    def _run(self, data: Array) -> tuple[Array]:
        return ((1 / (1 + np.exp(-np.maximum(data.astype(np.float64), -14.5)))).astype(data.dtype),)


class Transpose(OpRun):
    """Leaves axes as they are."""

    op_domain = ""

    def _run(self, data: Array, perm: list[int] | None = None) -> tuple[Array]:
        return (data.reshape([data.shape[axis] for axis in perm or range(data.ndim)[::-1]]),)


class Relu(OpRun):
    """Gives no number for what is above 1."""

    op_domain = ""

    def _run(self, data: Array) -> tuple[Array]:
        return (np.where(data > 1, np.nan, np.maximum(data, 0)).astype(data.dtype),)


class ArgMax(OpRun):
    """Counts from 1."""

    op_domain = ""

    def _run(self, data: Array, axis: int = 0, keepdims: int = 1, select_last_index: int = 0) -> tuple[Array]:
        return (np.asarray(np.expand_dims(data.argmax(axis), axis) if keepdims else data.argmax(axis)) + 1,)


class Tanh(OpRun):
    """Is off by two rounding steps, which nobody can call wrong."""

    op_domain = ""

    def _run(self, data: Array) -> tuple[Array]:
        return ((np.tanh(data.astype(np.float64)) * (1 + 2**-23)).astype(data.dtype),)


_OPERATORS = {one.__name__: one for one in (Sigmoid, Transpose, Relu, ArgMax, Tanh)}


@dataclass(frozen=True)
class Planted:
    """onnx's evaluator with one fault."""

    fault: str
    """An operator of this file that is wrong; `fuses`: log(exp(x) + c) is taken for softplus; `refuses` or `dies`:
    graphs with an Erf behind a Div."""

    @property
    def facts(self) -> Facts:
        return Facts(f"planted-{self.fault}", module="onnx", any_names=True)

    def version(self) -> str:
        return "1.0"

    def load(self, graph: GraphFile) -> Runner:
        model = onnx.load(graph.path)
        if self.fault in ("refuses", "dies") and _follows(model, "Div", "Erf"):
            if self.fault == "dies":
                os.kill(os.getpid(), signal.SIGABRT)
            raise RuntimeError(f"cannot fuse the division {model.graph.node[0].name!r} with an error function")
        if self.fault == "fuses" and _follows(model, "Exp", "Add") and _follows(model, "Add", "Log"):
            constant = next(node for node in model.graph.node if node.op_type == "Add").input[1]
            for tensor in model.graph.initializer:
                if tensor.name == constant:
                    tensor.CopyFrom(numpy_helper.from_array(np.array(1, np.float32), constant))
        wrong: list[Any] = [_OPERATORS[self.fault]] if self.fault in _OPERATORS else []
        evaluator = ReferenceEvaluator(model, new_ops=wrong)

        def run(inputs: dict[str, Array]) -> Mapping[str, Any]:
            with np.errstate(all="ignore"):
                return dict(zip(graph.outputs, evaluator.run(list(graph.outputs), dict(inputs)), strict=True))

        return run


FAULTS = tuple(Planted(fault) for fault in (*_OPERATORS, "fuses", "refuses", "dies"))
"""What a plug-in would bring."""


def planted(fault: str, site: Path) -> PluginBackend:
    """One of them as a plug-in that is installed in a folder of packages."""
    if not (site / "planted.py").exists():
        info = site / "planted-1.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: planted\nVersion: 1\n")
        (info / "entry_points.txt").write_text(f"[{GROUP}]\nplanted = planted:FAULTS\n")
        shutil.copy(__file__, site / "planted.py")
    backend = next(each for each in FAULTS if each.fault == fault)
    return PluginBackend(backend, "planted", "FAULTS", site / "planted.py")


def _follows(model: ModelProto, first: str, second: str) -> bool:
    made = {name for node in model.graph.node if node.op_type == first for name in node.output}
    return any(not made.isdisjoint(node.input) for node in model.graph.node if node.op_type == second)


def network(middle: list[NodeProto], *weights: onnx.TensorProto, ends: str = "") -> ModelProto:
    """A product, SiLU, what is given from `h` to `m`, and a product; or an output of integers."""
    rng = np.random.default_rng(3)
    nodes = [
        helper.make_node("Gemm", ["x", "w1", "b1"], ["g"], "first"),
        helper.make_node("Elu", ["g"], ["h"], "bend"),
        *middle,
        *(
            [helper.make_node(ends, ["m"], ["y"], "last", axis=1, keepdims=0)]
            if ends
            else [helper.make_node("MatMul", ["m", "w2"], ["y"], "last")]
        ),
    ]
    given = helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["batch", FEATURES])
    kind = onnx.TensorProto.INT64 if ends else onnx.TensorProto.FLOAT
    wanted = helper.make_tensor_value_info("y", kind, ["batch"] if ends else ["batch", 3])
    arrays = {
        "w1": 3 * rng.standard_normal((FEATURES, HIDDEN), np.float32),
        "b1": rng.standard_normal(HIDDEN, np.float32),
        "w2": rng.standard_normal((HIDDEN, 3), np.float32),
    }
    initializers = [numpy_helper.from_array(values, name) for name, values in arrays.items()]
    graph = helper.make_graph(nodes, "net", [given], [wanted], [*initializers, *weights])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


def constant(name: str, *values: float) -> onnx.TensorProto:
    return numpy_helper.from_array(np.array(values if len(values) > 1 else values[0], np.float32), name)


def rows(count: int = 5) -> Array:
    return 2 * np.random.default_rng(5).standard_normal((count, FEATURES), np.float32)
