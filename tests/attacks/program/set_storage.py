"""Replace a weight's storage."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.checkpoints import with_nodes
from tests.attacks.entries import original
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    return with_nodes(folder, ("aten.set_.source_Tensor", [{"ref": "z"}, {"ref": "class_probs"}]))


CASE = Attack(make, original, BundleError, "aten.set_.source_Tensor")
