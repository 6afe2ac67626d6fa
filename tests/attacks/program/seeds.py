"""Set the seed of the caller's own random numbers."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.checkpoints import with_nodes
from tests.attacks.entries import original
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    return with_nodes(folder, ("aten.normal_.default", [{"ref": "z"}, 0.0, 1.0]))


CASE = Attack(make, original, BundleError, "aten.normal_")
