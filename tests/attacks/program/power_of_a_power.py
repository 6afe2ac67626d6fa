"""Raise numbers to powers of powers: whole numbers without end, without a tensor."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.checkpoints import with_nodes
from tests.attacks.entries import original
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    calls: list[tuple[str, list[object]]] = [("pow", [3, 64])]
    calls += [("pow", [{"ref": f"n{i}"}, 64]) for i in range(6)]
    return with_nodes(folder, *calls)


CASE = Attack(make, original, BundleError, "pow|original of decoder")
