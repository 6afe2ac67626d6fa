"""Reach Python's inside by the attributes of an operator."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.checkpoints import with_nodes
from tests.attacks.entries import original
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    return with_nodes(folder, ("aten.add.__class__", []), ("aten.__class__.__mro__", []))


CASE = Attack(make, original, BundleError, "__class__")
