"""A backend that really runs, and goes wrong where a test wants it to."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import onnx
from onnx import ModelProto, TensorProto, helper, numpy_helper

from vaeport_parity.backends import Facts, GraphFile, Runner
from vaeport_parity.reference.evaluator import native_evaluator, reference_arithmetic


@dataclass
class Crooked:
    """onnx's evaluator on a graph that it changed when it loaded it."""

    name: str
    change: Callable[[ModelProto], None]
    loaded: list[str] = field(default_factory=list)

    @property
    def facts(self) -> Facts:
        return Facts(self.name, module="onnx", any_names=True)

    def version(self) -> str:
        return "0"

    def load(self, graph: GraphFile) -> Runner:
        model = onnx.load_model(graph.path)
        self.loaded.append(model.graph.name)
        self.change(model)
        evaluator, names = native_evaluator(model), list(graph.outputs)

        def run(inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
            with reference_arithmetic():
                return dict(zip(names, evaluator.run(names, dict(inputs)), strict=True))

        return run


def enlarging(tensor: str, graph: str, *, by: float = 1.01) -> Callable[[ModelProto], None]:
    """Makes a tensor of a graph larger by a factor, and leaves graphs alone that do not have it."""

    def change(model: ModelProto) -> None:
        half = any(weight.data_type == TensorProto.FLOAT16 for weight in model.graph.initializer)
        more = np.array(by, np.float16 if half else np.float32)
        for index, node in enumerate(model.graph.node):
            if model.graph.name == graph and tensor in node.output:
                node.output[list(node.output).index(tensor)] = f"right {tensor}"
                model.graph.initializer.append(numpy_helper.from_array(more, f"more {tensor}"))
                model.graph.node.insert(
                    index + 1, helper.make_node("Mul", [f"right {tensor}", f"more {tensor}"], [tensor])
                )
                return

    return change


def flipping(tensor: str, graph: str) -> Callable[[ModelProto], None]:
    """Turns a boolean tensor of a graph into its opposite."""

    def change(model: ModelProto) -> None:
        for index, node in enumerate(model.graph.node):
            if model.graph.name == graph and tensor in node.output:
                node.output[list(node.output).index(tensor)] = f"right {tensor}"
                model.graph.node.insert(index + 1, helper.make_node("Not", [f"right {tensor}"], [tensor]))
                return

    return change


def refusing(refused: Callable[[ModelProto], bool], then: Callable[[ModelProto], None]) -> Callable[[ModelProto], None]:
    """Takes no graph of some kind; does something else to the others."""

    def change(model: ModelProto) -> None:
        if refused(model):
            raise ValueError("it takes no such graph")
        then(model)

    return change


def unchanged(_: ModelProto) -> None:
    """Leaves a graph as it is."""
