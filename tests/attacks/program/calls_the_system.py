"""Name a function of the operating system for an operator."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.checkpoints import with_nodes
from tests.attacks.entries import original
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    return with_nodes(folder, ("os.system", ["touch outside/ran"]))


CASE = Attack(make, original, BundleError, "os.system", after="PyTorch's .pt2 archives, which evaluate strings")
