"""tinygrad on the CPU, which compiles with clang; one runner for each combination of input shapes."""

import importlib
from typing import Any

from .base import Arrays, Facts, GraphFile, Runner, Shapes, contiguous, installed_version, per_shape


class Tinygrad:
    """tinygrad's ONNX front end."""

    facts = Facts(
        "tinygrad",
        module="tinygrad",
        packages=("tinygrad", "numpy"),
        programs=("clang",),
        empty_batch=False,
        slow=True,
        remark="compiled by clang, once for each combination of input shapes",
        variables={"DEV": "CPU", "NUM_CPU_THREADS": "1"},
    )

    def version(self) -> str:
        """Version of tinygrad."""
        return installed_version("tinygrad")

    def load(self, graph: GraphFile) -> Runner:
        """One runner for each combination of input shapes; it must not be given another."""
        onnx: Any = importlib.import_module("tinygrad.nn.onnx")
        tinygrad: Any = importlib.import_module("tinygrad")

        def load(_: Shapes) -> Runner:
            runner = onnx.OnnxRunner(graph.path)
            compiled = tinygrad.TinyJit(lambda **given: {name: one.realize() for name, one in runner(given).items()})

            def run(inputs: Arrays) -> dict[str, Any]:
                given = {name: tinygrad.Tensor(contiguous(values)) for name, values in inputs.items()}
                answers = compiled(**{name: tensor.realize() for name, tensor in given.items()})
                return {name: answers[name].numpy() for name in graph.outputs}

            return run

        return per_shape(load)
