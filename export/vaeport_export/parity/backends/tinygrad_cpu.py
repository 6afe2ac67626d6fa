"""tinygrad on the CPU, which compiles with clang; one runner for each batch size."""

import importlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .base import Facts, GraphFile, Runner, installed_version, per_batch


class Tinygrad:
    """tinygrad's ONNX front end."""

    facts = Facts(
        "tinygrad",
        module="tinygrad",
        packages=("tinygrad", "numpy"),
        programs=("clang",),
        empty_batch=False,
        remark="compiled by clang, once for each batch size",
        variables={"DEV": "CPU"},
    )

    def version(self) -> str:
        """Version of tinygrad."""
        return installed_version("tinygrad")

    def load(self, graph: GraphFile) -> Runner:
        """One runner for each batch size; it must not be given another."""
        onnx: Any = importlib.import_module("tinygrad.nn.onnx")
        tinygrad: Any = importlib.import_module("tinygrad")

        def load(_: int) -> Runner:
            runner = onnx.OnnxRunner(graph.path)

            def run(inputs: dict[str, NDArray[Any]]) -> dict[str, Any]:
                answers = runner({name: tinygrad.Tensor(np.ascontiguousarray(v)) for name, v in inputs.items()})
                return {name: answers[name].numpy() for name in graph.outputs}

            return run

        return per_batch(load, graph.inputs)
