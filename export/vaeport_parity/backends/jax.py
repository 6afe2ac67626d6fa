"""JAX on the CPU, by jaxonnxruntime."""

import importlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .base import Facts, GraphFile, Runner, installed_version, per_batch


class Jax:
    """jaxonnxruntime's operators, compiled by XLA as one program for each batch size."""

    facts = Facts(
        "jax",
        module="jaxonnxruntime",
        # jaxonnxruntime 0.3.0 calls clip with names that jax 0.7 no longer takes.
        packages=("jaxonnxruntime==0.3.0", "jax<0.7", "absl-py", "onnx", "numpy"),
        remark="jaxonnxruntime, compiled once for each batch size",
        variables={"JAX_PLATFORMS": "cpu", "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false"},
    )

    def version(self) -> str:
        """Version of JAX."""
        return f"{installed_version('jax')} with jaxonnxruntime {installed_version('jaxonnxruntime')}"

    def load(self, graph: GraphFile) -> Runner:
        """Convert and compile for each batch size; shapes are taken from what it is given."""
        jax: Any = importlib.import_module("jax")
        onnx: Any = importlib.import_module("onnx")
        config: Any = importlib.import_module("jaxonnxruntime").config
        convert: Any = importlib.import_module("jaxonnxruntime.call_onnx").call_onnx_model
        config.update("jaxort_only_allow_initializers_as_static_args", False)
        model = onnx.load(graph.path)

        def load(batch: int) -> Runner:
            example = {name: np.zeros((batch, *row), np.float32) for name, row in graph.inputs.items()}
            function, weights = convert(model, example)
            compiled = jax.jit(lambda inputs: function(weights, inputs))

            def run(inputs: dict[str, NDArray[Any]]) -> dict[str, Any]:
                answers = compiled(dict(inputs))
                return {name: np.asarray(answer) for name, answer in zip(graph.outputs, answers, strict=True)}

            return run

        return per_batch(load, graph.inputs)
