"""Fill 40 GB by one operator."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.checkpoints import with_nodes
from tests.attacks.entries import original
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    return with_nodes(folder, ("aten.full.default", [[100_000, 100_000], 1.0]))


CASE = Attack(make, original, BundleError, "aten.full|original of decoder")
