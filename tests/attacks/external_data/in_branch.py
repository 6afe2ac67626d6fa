"""Hide the external tensor in a branch of an If."""

from pathlib import Path

import numpy as np

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import bomb, constant, external, node, subgraph
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    hidden = external(constant("bias", np.zeros(16)), "outside/secret")
    branch = subgraph("branch", [node("Identity", ["bias"], ["out"])], "out", hidden)
    return bomb(folder, [node("If", ["yes"], ["bomb"], then_branch=branch, else_branch=branch)], yes=True)


CASE = Attack(make, load, BundleError, "external data|operator If|If")
