"""Give a folder of /proc for a bundle, with links to everything that the process holds open."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    return Path("/proc/self/fd")


CASE = Attack(make, load, BundleError, "holds no bundle.json")
