"""Take a tensor's size from an image's content: no shape tells it before the image comes."""

from pathlib import Path

import numpy as np

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import INT64, bomb, node
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    nodes = [
        node("Exp", ["z"], ["grown"]),
        node("Mul", ["grown", "many"], ["wide"]),
        node("Cast", ["wide"], ["whole"], to=INT64),
        node("ReduceMax", ["whole"], ["size"], keepdims=0),
        node("Unsqueeze", ["size", "axis"], ["sizes"]),
        node("ConstantOfShape", ["sizes"], ["bomb"]),
    ]
    return bomb(folder, nodes, many=1e8, axis=np.array([0]))


CASE = Attack(make, load, BundleError, "ConstantOfShape|ReduceMax|sizes")
