"""End in the middle of an entry."""

from pathlib import Path

from tests.attacks.archives import hostile_bytes
from tests.attacks.attack import Attack
from tests.attacks.entries import load
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    return hostile_bytes(folder, lambda content: content[: len(content) // 2])


CASE = Attack(make, load, BundleError, "no zip that can be read")
