"""Ways of running a graph, by name; each an adapter in a file of its own that imports its runtime when it loads."""

import functools

from .base import Backend, Facts, GraphFile, Runner, Tensor
from .iree import Iree
from .jax import Jax
from .litert import Litert
from .mnn import Mnn
from .ncnn import Ncnn
from .onnx_reference import OnnxReference
from .onnxruntime import OPTIMISATION_LEVELS, OnnxruntimeCpu, OnnxruntimeCuda
from .onnxruntime_cpp import OnnxruntimeCpp
from .onnxruntime_js import OnnxruntimeChromium, OnnxruntimeJs
from .onnxruntime_webgpu import OnnxruntimeWebgpu
from .opencv import OpencvDnn
from .openvino import OpenvinoCpu
from .plugins import BrokenPlugin, PluginBackend, plugin_backends
from .tinygrad import Tinygrad
from .torch_eager import TorchEager
from .torch_program import TorchProgram
from .tract import Tract
from .tvm import Tvm

_ALL: tuple[Backend, ...] = (
    TorchEager("float32"),
    TorchEager("float64"),
    TorchProgram(),
    *(OnnxruntimeCpu(level) for level in OPTIMISATION_LEVELS),
    OnnxruntimeCuda(tf32=False),
    OnnxruntimeCuda(tf32=True),
    OnnxruntimeCpp(),
    OnnxruntimeJs("onnxruntime-node"),
    OnnxruntimeJs("onnxruntime-web"),
    OnnxruntimeChromium(),
    OnnxruntimeChromium(webgpu=True),
    OnnxruntimeWebgpu(),
    OnnxReference(),
    OpenvinoCpu(exact=True),
    OpenvinoCpu(exact=False),
    Tract(),
    Tract(newest=True),
    Tvm(),
    Iree(),
    Mnn(exact=True),
    Mnn(exact=False),
    Ncnn(exact=True),
    Ncnn(exact=False),
    Litert(),
    Jax(),
    Tinygrad(),
    OpencvDnn(),
)

BUILT_IN: dict[str, Backend] = {backend.facts.name: backend for backend in _ALL}
"""Backends of this package by name, the reference first."""

BACKENDS = dict(BUILT_IN)
"""The same, where tests may put others."""

OWN_BACKENDS = tuple(name for name, backend in BUILT_IN.items() if not backend.facts.has_environment)
"""Those that vaeport's own extras bring."""


def all_backends() -> dict[str, Backend]:
    """Every backend by name, those of installed plug-ins last; a broken plug-in is there, and listed as missing."""
    return {**BACKENDS, **_plugins()}


@functools.cache
def _plugins() -> dict[str, Backend]:
    return plugin_backends(BUILT_IN)


__all__ = [
    "BACKENDS",
    "BUILT_IN",
    "OWN_BACKENDS",
    "Backend",
    "BrokenPlugin",
    "Facts",
    "GraphFile",
    "PluginBackend",
    "Runner",
    "Tensor",
    "all_backends",
]
