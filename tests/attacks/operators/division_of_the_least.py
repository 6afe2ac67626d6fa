"""Divide the least integer by -1, which ends the process by a signal, too."""

from pathlib import Path

import numpy as np

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import FLOAT, bomb, node
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    least = np.array([-(2**63)], np.int64)
    nodes = [node("Div", ["least", "minus"], ["ratio"]), node("Cast", ["ratio"], ["bomb"], to=FLOAT)]
    return bomb(folder, nodes, least=least, minus=np.array([-1], np.int64))


CASE = Attack(make, load, BundleError, "Div")
