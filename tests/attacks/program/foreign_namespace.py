"""Call an operator of another library than PyTorch."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.checkpoints import with_nodes
from tests.attacks.entries import original
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    return with_nodes(folder, ("torchvision.nms.default", []), ("prims.copy_to.default", []))


CASE = Attack(make, original, BundleError, "torchvision.nms.default")
