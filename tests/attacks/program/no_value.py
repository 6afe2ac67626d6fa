"""Write an argument that stands for nothing."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.checkpoints import with_nodes
from tests.attacks.entries import original
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    return with_nodes(folder, ("aten.mul.Scalar", [{"ref": "z"}, {}]))


CASE = Attack(make, original, BundleError, "decoder.json|original of decoder")
