"""Multiply matrices of 4096 x 4096 a hundred times."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.checkpoints import with_nodes
from tests.attacks.entries import original
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    calls: list[tuple[str, list[object]]] = [("aten.full.default", [[4096, 4096], 1e-4])]
    calls += [("aten.mm.default", [{"ref": f"n{i}"}, {"ref": "n0"}]) for i in range(100)]
    return with_nodes(folder, *calls)


CASE = Attack(make, original, BundleError, "aten.mm|work|original of decoder")
