"""Take an integer's remainder by a zero that comes from the latents."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import FLOAT, INT64, bomb, node
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    nodes = [
        node("Cast", ["z"], ["whole"], to=INT64),
        node("Sub", ["whole", "whole"], ["zero"]),
        node("Mod", ["whole", "zero"], ["rest"]),
        node("Cast", ["rest"], ["bomb"], to=FLOAT),
    ]
    return bomb(folder, nodes)


CASE = Attack(make, load, BundleError, "Mod")
