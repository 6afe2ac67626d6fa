"""tract, the inference engine in Rust: the last version with an exact sigmoid, and the newest."""

import importlib
from dataclasses import dataclass
from typing import Any

from .base import Arrays, Facts, GraphFile, Runner, installed_version

_EXACT = "0.23.5"


@dataclass(frozen=True)
class Tract:
    """tract, optimised for a batch of any size.

    From 0.23.6 on its sigmoid takes inputs below -14.5 for -14.5 and gives 4.5e-07 there. SiLU, which multiplies that
    by its input, then never comes closer to 0 than -6.5e-06, and networks with saturated channels add this up.
    """

    newest: bool = False
    """Whether it is the version that pip brings, rather than the last one without that fault."""

    @property
    def facts(self) -> Facts:
        """`tract` or `tract-newest`."""
        return Facts(
            "tract-newest" if self.newest else "tract",
            module="tract",
            packages=("tract" if self.newest else f"tract=={_EXACT}", "numpy"),
            environment="tract" if self.newest else f"tract-{_EXACT}",
            counts=not self.newest,
            empty_batch=False,
            remark="Rust; from 0.23.6 on SiLU of inputs below -14.5 is -6.5e-06 instead of 0"
            if self.newest
            else "Rust; the last version whose SiLU goes to 0",
        )

    def version(self) -> str:
        """Version of tract."""
        return installed_version("tract")

    def load(self, graph: GraphFile) -> Runner:
        """Parse, optimise and make runnable with a symbolic batch."""
        tract: Any = importlib.import_module("tract")
        model = tract.onnx().load(graph.path).into_model().into_runnable()

        def run(inputs: Arrays) -> dict[str, Any]:
            answers = model.run(list(inputs.values()))
            return {name: answer.to_numpy() for name, answer in zip(graph.outputs, answers, strict=True)}

        return run
