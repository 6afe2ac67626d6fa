"""Answer memory that somebody used before: an empty tensor."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.checkpoints import with_nodes
from tests.attacks.entries import original
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    return with_nodes(folder, ("aten.empty.memory_format", [[4096]]))


CASE = Attack(make, original, BundleError, "aten.empty.memory_format", after="uninitialised memory")
