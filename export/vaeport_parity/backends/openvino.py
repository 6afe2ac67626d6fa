"""OpenVINO on the CPU: in float32, and as it comes, which is bfloat16 on processors that have it."""

import importlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .base import Arrays, Facts, GraphFile, Runner, installed_version, numpy_dtype, refuse_types

_BFLOAT16 = "bfloat16"
_TYPES = (
    "float32",
    "float16",
    _BFLOAT16,
    "int64",
    "int32",
    "int16",
    "int8",
    "uint64",
    "uint32",
    "uint16",
    "uint8",
    "bool",
)
"""Not float64, which it computes in float32."""


@dataclass(frozen=True)
class OpenvinoCpu:
    """OpenVINO with or without a hint of precision."""

    exact: bool
    """Whether it is told to compute in float32."""

    @property
    def facts(self) -> Facts:
        """`openvino` or `openvino-default`."""
        return Facts(
            "openvino" if self.exact else "openvino-default",
            module="openvino",
            packages=("openvino", "numpy", "ml_dtypes"),
            environment="openvino",
            counts=self.exact,
            empty_batch=False,
            pinned=("openvino",),
            remark="INFERENCE_PRECISION_HINT f32"
            if self.exact
            else "its default precision: bfloat16 where the processor has it",
        )

    def version(self) -> str:
        """Version of OpenVINO."""
        return installed_version("openvino")

    def load(self, graph: GraphFile) -> Runner:
        """Compile for the CPU, one thread.

        Raises:
            TypeError: the graph has an input or output of a type that it does not compute in.
        """
        refuse_types(graph, _TYPES, "OpenVINO on the CPU")
        ov: Any = importlib.import_module("openvino")
        config = {"INFERENCE_NUM_THREADS": 1} | ({"INFERENCE_PRECISION_HINT": "f32"} if self.exact else {})
        compiled = ov.Core().compile_model(graph.path, "CPU", config)

        def run(inputs: Arrays) -> dict[str, Any]:
            answer = compiled([_given(ov, inputs[name]) for name in graph.inputs])
            return {
                name: _answer(answer[place], tensor.dtype) for place, (name, tensor) in enumerate(graph.outputs.items())
            }

        return run


def _given(ov: Any, values: NDArray[Any]) -> Any:
    """An input; bfloat16 goes by its bits."""
    if values.dtype.name == _BFLOAT16:
        return ov.Tensor(values.view(np.uint16), ov.Shape(values.shape), ov.Type.bf16)
    return values


def _answer(values: NDArray[Any], dtype: str) -> NDArray[Any]:
    """An output of its own; bfloat16 comes as float16 of the same bits."""
    return values.view(numpy_dtype(dtype)).copy() if dtype == _BFLOAT16 else values.copy()
