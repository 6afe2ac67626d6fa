"""tinygrad on the CPU, which compiles with clang; one runner for each combination of input shapes."""

import importlib
from typing import Any

from .base import (
    FLOATS,
    Arrays,
    Facts,
    GraphFile,
    Runner,
    Shapes,
    contiguous,
    installed_version,
    per_shape,
    refuse_types,
)

_TYPES = (
    *("float16", "float32", "float64", "bool"),
    *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)),
)

_READING = {"If", "Loop", "Scan", "NonZero", "Unique", "Compress", "NonMaxSuppression", "TopK", "Range", "StringSplit"}
"""Operators that may read values to know what to do."""


class Tinygrad:
    """tinygrad's ONNX front end."""

    facts = Facts(
        "tinygrad",
        module="tinygrad",
        packages=("tinygrad", "numpy"),
        pinned=("tinygrad",),
        own_programs="computes",
        programs=("clang",),
        empty_batch=False,
        slow=True,
        remark="compiled by clang, once for each combination of input shapes",
        variables={"DEV": "CPU", "NUM_CPU_THREADS": "1"},
        imports=("tinygrad.nn.onnx",),
    )

    def version(self) -> str:
        """Version of tinygrad."""
        return installed_version("tinygrad")

    def load(self, graph: GraphFile) -> Runner:
        """One runner for each combination of input shapes; it must not be given another.

        Raises:
            TypeError: the graph has an input or output in bfloat16.
        """
        refuse_types(graph, _TYPES, "tinygrad")
        onnx: Any = importlib.import_module("tinygrad.nn.onnx")
        tinygrad: Any = importlib.import_module("tinygrad")

        def load(_: Shapes) -> Runner:
            runner = onnx.OnnxRunner(graph.path)
            compiled = tinygrad.TinyJit(lambda **given: {name: one.realize() for name, one in runner(given).items()})
            is_fixed = _is_fixed(graph, runner)

            def run(inputs: Arrays) -> dict[str, Any]:
                given = {name: tinygrad.Tensor(contiguous(values)) for name, values in inputs.items()}
                if is_fixed:
                    answers = compiled(**{name: tensor.realize() for name, tensor in given.items()})
                else:
                    answers = onnx.OnnxRunner(graph.path)(given)
                return {name: answers[name].numpy() for name in graph.outputs}

            return run

        return per_shape(load)


def _is_fixed(graph: GraphFile, runner: Any) -> bool:
    """Whether a recording of the graph serves for all values: no shape, branch or number of turns is read from them."""
    inputs = graph.inputs.values()
    read = any(not tensor.shape or tensor.dtype not in FLOATS for tensor in inputs)
    return not read and not _READING & {node.op for node in runner.graph_nodes}
