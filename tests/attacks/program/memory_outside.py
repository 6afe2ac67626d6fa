"""Look outside a tensor's storage by strides of one's own."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.checkpoints import with_nodes
from tests.attacks.entries import original
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    return with_nodes(folder, ("aten.as_strided.default", [{"ref": "z"}, [2**20], [2**20], 2**40]))


CASE = Attack(make, original, BundleError, "as_strided|original of decoder", after="out-of-bounds reads by as_strided")
