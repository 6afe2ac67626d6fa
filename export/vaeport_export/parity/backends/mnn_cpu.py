"""MNN on the CPU, through its converter's module: the command of the same name installs packages by itself."""

import importlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .base import Facts, GraphFile, Runner, installed_version


class Mnn:
    """MNN in float32."""

    facts = Facts("mnn", module="MNN", packages=("mnn", "numpy"), empty_batch=False, remark="converted to .mnn")

    def version(self) -> str:
        """Version of MNN."""
        return installed_version("mnn")

    def load(self, graph: GraphFile) -> Runner:
        """Convert and load with MNN's expression API, one thread, high precision."""
        importlib.import_module("MNN")
        tools: Any = importlib.import_module("_tools")
        nn: Any = importlib.import_module("MNN.nn")
        expr: Any = importlib.import_module("MNN.expr")
        converted = graph.scratch / f"{graph.name}.mnn"
        tools.mnnconvert(
            ["mnnconvert", "-f", "ONNX", "--modelFile", str(graph.path), "--MNNModel", str(converted), "--bizCode", "x"]
        )
        config = {"precision": "high", "backend": "CPU", "numThread": 1}
        manager = nn.create_runtime_manager((config,))
        names = list(graph.outputs)
        module = nn.load_module_from_file(str(converted), list(graph.inputs), names, runtime_manager=manager)

        def run(inputs: dict[str, NDArray[Any]]) -> dict[str, Any]:
            given = [
                expr.convert(expr.const(np.ascontiguousarray(v), list(v.shape), expr.NCHW), expr.NCHW)
                for v in inputs.values()
            ]
            answers = [expr.convert(answer, expr.NCHW) for answer in module.forward(given)]
            return {name: np.array(answer.read()) for name, answer in zip(names, answers, strict=True)}

        return run
