"""Give a link for a zipped bundle after it was checked by its name: the link's target is opened once only."""

from pathlib import Path

from tests.attacks.attack import Attack, secret_of
from tests.attacks.entries import load
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    (folder / "hostile.vaeport").symlink_to(secret_of(folder))
    return folder / "hostile.vaeport"


CASE = Attack(make, load, BundleError, "no zip that can be read")
