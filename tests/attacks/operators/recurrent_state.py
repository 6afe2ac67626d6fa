"""Remember 100,000 numbers a step: a recurrent layer whose weights are filled by the graph itself."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import bomb, node
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    nodes = [
        node("ReduceMean", ["z"], ["seed"], keepdims=0),
        node("Expand", ["seed", "w_sizes"], ["w"]),
        node("Expand", ["seed", "r_sizes"], ["r"]),
        node("Unsqueeze", ["z", "axis"], ["steps"]),
        node("LSTM", ["steps", "w", "r"], ["y", "bomb"], hidden_size=100_000),
    ]
    sizes = {"w_sizes": [1, 400_000, 2], "r_sizes": [1, 400_000, 100_000]}
    return bomb(folder, nodes, **sizes, axis=[0])


CASE = Attack(make, load, BundleError, "Expand|LSTM|elements")
