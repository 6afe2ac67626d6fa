"""Read a file by an operator of PyTorch."""

from pathlib import Path

from tests.attacks.attack import Attack, secret_of
from tests.attacks.checkpoints import with_nodes
from tests.attacks.entries import original
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    return with_nodes(folder, ("aten.from_file.default", [str(secret_of(folder)), False, 28]))


CASE = Attack(make, original, BundleError, "aten.from_file.default")
