"""Pass `vaeport verify` by answers of NaN, which are not above any tolerance."""

from pathlib import Path

from onnx import ModelProto

from tests.attacks.attack import Attack
from tests.attacks.entries import CommandError, command
from tests.attacks.graphs import constant, node, with_decoder


def make(folder: Path) -> Path:
    def change(model: ModelProto) -> None:
        model.graph.node[-1].output[0] = "honest"
        model.graph.initializer.append(constant("nan", float("nan")))
        model.graph.node.append(node("Add", ["honest", "nan"], ["image"]))

    return with_decoder(folder, change)


CASE = Attack(make, command("verify", "{}"), CommandError, "exit code 1: .*FAILS|exit code 1")
