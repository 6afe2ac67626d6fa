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
        slow=True,
        remark="compiled by clang, once for each batch size",
        variables={"DEV": "CPU", "NUM_CPU_THREADS": "1"},
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
            compiled = tinygrad.TinyJit(lambda **given: {name: one.realize() for name, one in runner(given).items()})

            def run(inputs: dict[str, NDArray[Any]]) -> dict[str, Any]:
                given = {name: tinygrad.Tensor(np.ascontiguousarray(values)) for name, values in inputs.items()}
                answers = compiled(**{name: tensor.realize() for name, tensor in given.items()})
                return {name: answers[name].numpy() for name in graph.outputs}

            return run

        return per_batch(load, graph.inputs)
