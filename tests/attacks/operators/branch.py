"""Answer honestly until a certain image comes: a branch on the content, which no test on other images shows."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import bomb, node, subgraph
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    trigger = [node("ReduceMax", ["z"], ["most"], keepdims=0), node("Greater", ["most", "two"], ["yes"])]
    wrong = subgraph("wrong", [node("Neg", ["two"], ["out"])], "out")
    honest = subgraph("honest", [node("Sub", ["two", "two"], ["out"])], "out")
    branch = node("If", ["yes"], ["bomb"], then_branch=wrong, else_branch=honest)
    return bomb(folder, [*trigger, branch], two=2.0)


CASE = Attack(make, load, BundleError, "If", after="backdoors in ONNX graphs (ShadowLogic)")
