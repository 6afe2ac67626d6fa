"""onnxruntime's WebGPU provider as a plug-in of its own, on a GPU or on a Vulkan driver that computes on the CPU."""

import importlib
from pathlib import Path
from typing import Any

from .base import ALL_PRECISIONS, Facts, GraphFile, Runner, installed_version
from .onnxruntime import session_options, session_runner

_SWIFTSHADER = Path("/usr/lib/chromium/vk_swiftshader_icd.json")
_GPUS = Path("/dev/dri")  # where Linux shows them


class OnnxruntimeWebgpu:
    """onnxruntime-ep-webgpu: WebGPU by Dawn, on Vulkan.

    Dawn takes no driver of a CPU unless it is told to. Mesa's lavapipe before 23 lacks features that it needs
    (`shaderUniform*ArrayDynamicIndexing`); SwiftShader, which Debian's Chromium brings, has them.
    """

    facts = Facts(
        "onnxruntime-webgpu",
        module="onnxruntime_ep_webgpu",
        packages=("onnxruntime-ep-webgpu", "onnxruntime", "numpy", "ml_dtypes"),
        precisions=ALL_PRECISIONS,
        any_names=True,
        counts=False,
        empty_batch=False,
        emulated_device=not _GPUS.exists(),
        remark="WebGPU by Dawn on Vulkan: a GPU, or SwiftShader or lavapipe on the CPU",
        variables={
            "ORT_WEBGPU_EP_ALLOW_SOFTWARE_ADAPTER": "1",
            **({"VK_DRIVER_FILES": str(_SWIFTSHADER)} if _SWIFTSHADER.is_file() and not _GPUS.exists() else {}),
        },
    )

    def version(self) -> str:
        """Version of the plug-in, and onnxruntime's.

        Raises:
            ImportError: it is not installed, or finds no device.
        """
        self._device()
        return f"{installed_version('onnxruntime-ep-webgpu')} in onnxruntime {installed_version('onnxruntime')}"

    def load(self, graph: GraphFile) -> Runner:
        """A session whose nodes run on WebGPU where it has them, the others on the CPU.

        Raises:
            ImportError: there is no device.
        """
        ort = importlib.import_module("onnxruntime")
        options = session_options(ort, "all")
        options.add_provider_for_devices([self._device()], {})
        return session_runner(ort.InferenceSession(str(graph.path), options), graph)

    def _device(self) -> Any:
        """The first device of the plug-in, which is registered with onnxruntime once."""
        plugin: Any = importlib.import_module("onnxruntime_ep_webgpu")
        ort: Any = importlib.import_module("onnxruntime")
        name = plugin.get_ep_name()
        if name not in {device.ep_name for device in ort.get_ep_devices()}:
            ort.register_execution_provider_library(name, plugin.get_library_path())
        devices = [device for device in ort.get_ep_devices() if device.ep_name == name]
        if not devices:
            raise ImportError("WebGPU finds no adapter: install a Vulkan driver, such as mesa-vulkan-drivers")
        return devices[0]
