"""onnxruntime on the CPU, at each of its graph optimisation levels."""

from dataclasses import dataclass

from vaeport.contract import GRAPHS
from vaeport.sessions import CPU_PROVIDER, import_onnxruntime
from vaeport.threads import usable_processors

from ..subject import Subject
from .base import Runner

OPTIMISATION_LEVELS = {
    "none": "ORT_DISABLE_ALL",
    "basic": "ORT_ENABLE_BASIC",
    "extended": "ORT_ENABLE_EXTENDED",
    "all": "ORT_ENABLE_ALL",
}
"""Levels by the name used here; a fusion that changes answers shows as a step between two of them."""


@dataclass(frozen=True)
class OnnxruntimeCpu:
    """onnxruntime's CPU provider at one optimisation level."""

    level: str
    """A key of `OPTIMISATION_LEVELS`."""

    @property
    def name(self) -> str:
        """`onnxruntime-none` to `onnxruntime-all`."""
        return f"onnxruntime-{self.level}"

    def version(self) -> str:
        """Version of onnxruntime."""
        return str(import_onnxruntime().__version__)

    def load(self, subject: Subject, graph: str) -> Runner:
        """A session at this level."""
        ort = import_onnxruntime()
        options = ort.SessionOptions()
        options.intra_op_num_threads = usable_processors()
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.graph_optimization_level = getattr(ort.GraphOptimizationLevel, OPTIMISATION_LEVELS[self.level])
        session = ort.InferenceSession(subject.onnx(graph), options, providers=[CPU_PROVIDER])
        names = GRAPHS[graph].outputs
        return lambda inputs: dict(zip(names, session.run(names, inputs), strict=True))
