"""Ways of running a graph, by name. Each is an adapter in a file of its own."""

from .base import Backend, Runner
from .onnx_reference import OnnxReference
from .onnxruntime_cpu import OPTIMISATION_LEVELS, OnnxruntimeCpu
from .torch_eager import TorchEager

_ALL: tuple[Backend, ...] = (
    TorchEager("float32"),
    TorchEager("float64"),
    *(OnnxruntimeCpu(level) for level in OPTIMISATION_LEVELS),
    OnnxReference(),
)

BACKENDS = {backend.name: backend for backend in _ALL}
"""Backends by name, the reference first."""

__all__ = ["BACKENDS", "Backend", "Runner"]
