"""Pin by a prefix of a digest, which another bundle can be made to share."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.bundles import tiny
from tests.attacks.entries import pinned
from vaeport.errors import InputError


def make(folder: Path) -> Path:
    return tiny(folder)


CASE = Attack(make, pinned("sha256:0"), InputError, "digest")
