"""JAX on the CPU, by jaxonnxruntime."""

import importlib
from typing import Any

import numpy as np

from .base import Arrays, Facts, GraphFile, Runner, Shapes, installed_version, numpy_dtype, per_shape

_WIDE = ("float64", "int64", "uint64")


_FLAGS = "--xla_cpu_multi_thread_eigen=false"


class Jax:
    """jaxonnxruntime's operators, compiled by XLA as one program for each combination of input shapes."""

    facts = Facts(
        "jax",
        module="jaxonnxruntime",
        # jaxonnxruntime 0.3.0 calls clip with names that jax 0.7 no longer takes.
        packages=("jaxonnxruntime==0.3.0", "jax<0.7", "absl-py", "onnx", "numpy"),
        remark="jaxonnxruntime, compiled once for each combination of input shapes",
        imports=("jaxonnxruntime.call_onnx",),
        variables={"JAX_PLATFORMS": "cpu", "XLA_FLAGS": _FLAGS},
        switches={
            "x86-64-v2": {"XLA_FLAGS": f"{_FLAGS} --xla_cpu_max_isa=SSE4_2"},
            "x86-64-v3": {"XLA_FLAGS": f"{_FLAGS} --xla_cpu_max_isa=AVX2"},
        },
    )

    def version(self) -> str:
        """Version of JAX."""
        return f"{installed_version('jax')} with jaxonnxruntime {installed_version('jaxonnxruntime')}"

    def load(self, graph: GraphFile) -> Runner:
        """Convert and compile for each combination of shapes, with 64-bit types only where the graph has them."""
        jax: Any = importlib.import_module("jax")
        onnx: Any = importlib.import_module("onnx")
        config: Any = importlib.import_module("jaxonnxruntime").config
        convert: Any = importlib.import_module("jaxonnxruntime.call_onnx").call_onnx_model
        config.update("jaxort_only_allow_initializers_as_static_args", False)
        model = onnx.load(graph.path)
        tensors = (*graph.inputs.values(), *graph.outputs.values())
        jax.config.update("jax_enable_x64", any(tensor.dtype in _WIDE for tensor in tensors))

        def load(shapes: Shapes) -> Runner:
            examples = {
                name: np.zeros(shapes[name], numpy_dtype(tensor.dtype)) for name, tensor in graph.inputs.items()
            }
            function, weights = convert(model, examples)
            compiled = jax.jit(lambda inputs: function(weights, inputs))

            def run(inputs: Arrays) -> dict[str, Any]:
                answers = compiled(dict(inputs))
                return {name: np.asarray(answer) for name, answer in zip(graph.outputs, answers, strict=True)}

            return run

        return per_shape(load)
