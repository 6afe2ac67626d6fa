"""OpenVINO on the CPU: in float32, and as it comes, which is bfloat16 on processors that have it."""

import importlib
from dataclasses import dataclass
from typing import Any

from .base import Arrays, Facts, GraphFile, Runner, installed_version


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
            packages=("openvino", "numpy"),
            environment="openvino",
            counts=self.exact,
            empty_batch=False,
            remark="INFERENCE_PRECISION_HINT f32"
            if self.exact
            else "its default precision: bfloat16 where the processor has it",
        )

    def version(self) -> str:
        """Version of OpenVINO."""
        return installed_version("openvino")

    def load(self, graph: GraphFile) -> Runner:
        """Compile for the CPU, one thread."""
        ov: Any = importlib.import_module("openvino")
        config = {"INFERENCE_NUM_THREADS": 1} | ({"INFERENCE_PRECISION_HINT": "f32"} if self.exact else {})
        compiled = ov.Core().compile_model(graph.path, "CPU", config)

        def run(inputs: Arrays) -> dict[str, Any]:
            answer = compiled([inputs[name] for name in graph.inputs])
            return {name: answer[place].copy() for place, name in enumerate(graph.outputs)}

        return run
