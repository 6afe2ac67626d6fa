"""Call Python from the graph, as onnxruntime-extensions and training builds do."""

from pathlib import Path

from onnx import ModelProto, helper

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import node, with_decoder
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    def change(model: ModelProto) -> None:
        model.opset_import.append(helper.make_opsetid("ai.onnx.contrib", 1))
        model.graph.node[-1].output[0] = "honest"
        called = node("PyOp", ["honest"], ["image"], domain="ai.onnx.contrib", module="os", func="system")
        model.graph.node.append(called)

    return with_decoder(folder, change)


CASE = Attack(make, load, BundleError, "ai.onnx.contrib", after="PyOp of onnxruntime")
