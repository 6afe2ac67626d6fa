"""Pack the bundle in a folder of its own, under which a second one could hide."""

from dataclasses import replace
from pathlib import Path

from tests.attacks.archives import hostile
from tests.attacks.attack import Attack
from tests.attacks.entries import load
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    return hostile(folder, lambda entries: [replace(entry, name=b"tiny/" + entry.name) for entry in entries])


CASE = Attack(make, load, BundleError, "holds no bundle.json at its top")
