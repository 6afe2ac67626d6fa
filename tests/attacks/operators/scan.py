"""Run a scan over a million rows, one node a row."""

from pathlib import Path

from onnx import helper

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import FLOAT, bomb, node
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    row = helper.make_tensor_value_info("row", FLOAT, [])
    state = helper.make_tensor_value_info("state", FLOAT, [])
    body = helper.make_graph(
        [node("Add", ["state", "row"], ["next"]), node("Identity", ["next"], ["kept"])],
        "body",
        [state, row],
        [helper.make_tensor_value_info("next", FLOAT, []), helper.make_tensor_value_info("kept", FLOAT, [])],
    )
    rows = node("ConstantOfShape", ["sizes"], ["rows"])
    scan = node("Scan", ["start", "rows"], ["last", "bomb"], body=body, num_scan_inputs=1)
    return bomb(folder, [rows, scan], sizes=[1_000_000], start=0.0)


CASE = Attack(make, load, BundleError, "Scan")
