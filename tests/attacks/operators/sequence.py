"""Collect tensors in a sequence, whose sizes no shape tells."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import bomb, node
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    nodes = [node("SplitToSequence", ["z"], ["parts"]), node("ConcatFromSequence", ["parts"], ["bomb"], axis=0)]
    return bomb(folder, nodes)


CASE = Attack(make, load, BundleError, "SplitToSequence")
