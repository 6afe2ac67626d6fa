"""JAX on the CPU, by jaxonnxruntime."""

import importlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .base import Facts, GraphFile, Runner, installed_version


class Jax:
    """jaxonnxruntime's operators, compiled by XLA."""

    facts = Facts(
        "jax",
        module="jaxonnxruntime",
        packages=("jaxonnxruntime", "absl-py", "onnx", "numpy"),
        empty_batch=False,
        remark="jaxonnxruntime, operator by operator",
        variables={"JAX_PLATFORMS": "cpu", "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false"},
    )

    def version(self) -> str:
        """Version of JAX."""
        return f"{installed_version('jax')} with jaxonnxruntime {installed_version('jaxonnxruntime')}"

    def load(self, graph: GraphFile) -> Runner:
        """Prepare the graph; shapes are taken from what it is given."""
        onnx: Any = importlib.import_module("onnx")
        config: Any = importlib.import_module("jaxonnxruntime").config
        backend: Any = importlib.import_module("jaxonnxruntime.backend").Backend
        config.update("jaxort_only_allow_initializers_as_static_args", False)
        prepared = backend.prepare(onnx.load(graph.path))

        def run(inputs: dict[str, NDArray[Any]]) -> dict[str, Any]:
            return {
                name: np.asarray(answer) for name, answer in zip(graph.outputs, prepared.run(dict(inputs)), strict=True)
            }

        return run
