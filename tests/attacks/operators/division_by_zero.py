"""Divide an integer by zero, which ends the process by a signal."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import FLOAT, INT64, bomb, node
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    nodes = [
        node("Cast", ["z"], ["whole"], to=INT64),
        node("Sub", ["whole", "whole"], ["zero"]),
        node("Div", ["whole", "zero"], ["ratio"]),
        node("Cast", ["ratio"], ["bomb"], to=FLOAT),
    ]
    return bomb(folder, nodes)


CASE = Attack(make, load, BundleError, "Div", after="SIGFPE in onnxruntime's integer kernels")
