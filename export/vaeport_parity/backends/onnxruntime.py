"""onnxruntime on the CPU, at each of its graph optimisation levels, and on a GPU."""

import ctypes
import importlib
import os
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .base import ALL_PRECISIONS, Arrays, Facts, GraphFile, Runner, numpy_dtype

OPTIMISATION_LEVELS = {
    "none": "ORT_DISABLE_ALL",
    "basic": "ORT_ENABLE_BASIC",
    "extended": "ORT_ENABLE_EXTENDED",
    "all": "ORT_ENABLE_ALL",
}
"""Levels by the name used here; a fusion that changes answers shows as a step between two of them."""

_BFLOAT16 = 16  # TensorProto.BFLOAT16


@dataclass(frozen=True)
class OnnxruntimeCpu:
    """onnxruntime's CPU provider at one optimisation level."""

    level: str
    """A key of `OPTIMISATION_LEVELS`."""

    @property
    def facts(self) -> Facts:
        """`onnxruntime-none` to `onnxruntime-all`."""
        remark = "as vaeport runs it" if self.level == "all" else f"graph optimisation: {self.level}"
        return Facts(
            f"onnxruntime-{self.level}",
            module="onnxruntime",
            precisions=ALL_PRECISIONS,
            any_names=True,
            remark=remark,
            pinned=("onnxruntime",),
            older=(("1.19", "numpy<2"),),
        )

    def version(self) -> str:
        """Version of onnxruntime."""
        return str(_onnxruntime().__version__)

    def load(self, graph: GraphFile) -> Runner:
        """A session at this level."""
        ort = _onnxruntime()
        options = session_options(ort, self.level)
        return session_runner(ort.InferenceSession(str(graph.path), options, providers=["CPUExecutionProvider"]), graph)


@dataclass(frozen=True)
class OnnxruntimeCuda:
    """onnxruntime's CUDA provider, with TF32 off for parity or on as NVIDIA ships it."""

    tf32: bool
    """Whether products are rounded to 10 bits of mantissa."""

    @property
    def facts(self) -> Facts:
        """`onnxruntime-cuda` or `onnxruntime-cuda-tf32`."""
        return Facts(
            "onnxruntime-cuda-tf32" if self.tf32 else "onnxruntime-cuda",
            module="onnxruntime",
            packages=("onnxruntime-gpu", "numpy", "ml_dtypes"),
            programs=("nvidia-smi",),
            any_names=True,
            environment="onnxruntime-gpu",
            counts=not self.tf32,
            remark="TF32 on, CUDA's default" if self.tf32 else "TF32 off",
        )

    def version(self) -> str:
        """Version of onnxruntime.

        Raises:
            ImportError: this onnxruntime has no CUDA.
        """
        ort = _onnxruntime()
        if "CUDAExecutionProvider" not in ort.get_available_providers():
            raise ImportError("the installed onnxruntime has no CUDA")
        return str(ort.__version__)

    def load(self, graph: GraphFile) -> Runner:
        """A session on the first GPU.

        Raises:
            ImportError: there is no GPU that it can use.
        """
        ort = _onnxruntime()
        ort.preload_dlls()
        provider = ("CUDAExecutionProvider", {"use_tf32": str(int(self.tf32))})
        session = ort.InferenceSession(str(graph.path), session_options(ort, "all"), providers=[provider])
        if session.get_providers()[0] != "CUDAExecutionProvider":
            raise ImportError("no GPU that onnxruntime can use")
        return session_runner(session, graph)


def session_options(ort: Any, level: str) -> Any:
    """One thread, no spinning, one optimisation level."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    options.graph_optimization_level = getattr(ort.GraphOptimizationLevel, OPTIMISATION_LEVELS[level])
    return options


def session_runner(session: Any, graph: GraphFile) -> Runner:
    """A session's answers by name."""
    names = list(graph.outputs)
    tensors = (*graph.inputs.values(), *graph.outputs.values())
    if any(tensor.dtype == "bfloat16" for tensor in tensors):
        return lambda inputs: _run_with_bfloat16(session, names, inputs)
    return lambda inputs: dict(zip(names, session.run(names, inputs), strict=True))


def _run_with_bfloat16(session: Any, names: list[str], inputs: Arrays) -> Arrays:
    """Inputs and outputs by their bits, since onnxruntime knows no numpy type for bfloat16."""
    ort = _onnxruntime()
    given = {name: _ort_value(ort, values) for name, values in inputs.items()}
    return {name: _array(v) for name, v in zip(names, session.run_with_ort_values(names, given), strict=True)}


def _ort_value(ort: Any, values: NDArray[Any]) -> Any:
    if values.dtype.name == "bfloat16":
        return ort.OrtValue.ortvalue_from_numpy_with_onnx_type(values.view(np.uint16), _BFLOAT16)
    return ort.OrtValue.ortvalue_from_numpy(values)


def _array(value: Any) -> NDArray[Any]:
    if value.element_type() != _BFLOAT16:
        array: NDArray[Any] = value.numpy()
        return array
    content = ctypes.string_at(value.data_ptr(), value.tensor_size_in_bytes())
    return np.frombuffer(content, numpy_dtype("bfloat16")).reshape(value.shape())


def _onnxruntime() -> Any:
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    return importlib.import_module("onnxruntime")
