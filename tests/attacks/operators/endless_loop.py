"""Run 2^62 rounds of a loop at every call."""

from pathlib import Path

from onnx import helper

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import FLOAT, INT64, bomb, node
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    rounds = [helper.make_tensor_value_info("round", INT64, []), helper.make_tensor_value_info("on", 9, [])]
    carried = helper.make_tensor_value_info("carried", FLOAT, [])
    results = [helper.make_tensor_value_info("on_still", 9, []), helper.make_tensor_value_info("next", FLOAT, [])]
    nodes = [node("Identity", ["on"], ["on_still"]), node("Add", ["carried", "carried"], ["next"])]
    body = helper.make_graph(nodes, "body", [*rounds, carried], results)
    start = node("ReduceMean", ["z"], ["start"], keepdims=0)
    return bomb(folder, [start, node("Loop", ["trips", "", "start"], ["bomb"], body=body)], trips=2**62)


CASE = Attack(make, load, BundleError, "Loop")
