"""tract, the inference engine in Rust."""

import importlib
from typing import Any

from numpy.typing import NDArray

from .base import Facts, GraphFile, Runner, installed_version


class Tract:
    """tract, optimised for one batch size at a time."""

    facts = Facts("tract", module="tract", packages=("tract", "numpy"), empty_batch=False, remark="Rust")

    def version(self) -> str:
        """Version of tract."""
        return installed_version("tract")

    def load(self, graph: GraphFile) -> Runner:
        """Parse, optimise and make runnable with a symbolic batch."""
        tract: Any = importlib.import_module("tract")
        model = tract.onnx().load(graph.path).into_model().into_runnable()

        def run(inputs: dict[str, NDArray[Any]]) -> dict[str, Any]:
            answers = model.run(list(inputs.values()))
            return {name: answer.to_numpy() for name, answer in zip(graph.outputs, answers, strict=True)}

        return run
