"""Gather rows far behind a tensor's end."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import bomb, node
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    return bomb(folder, [node("Gather", ["z", "where"], ["bomb"], axis=1)], where=[2**40])


CASE = Attack(make, load, BundleError, "Gather")
