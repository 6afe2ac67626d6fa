"""Give a bundle that is whole and sealed, in place of the one that an application pinned."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.bundles import tiny, with_text
from tests.attacks.entries import pinned
from vaeport.errors import SealError

PINNED = "sha256:" + "ab" * 32


def make(folder: Path) -> Path:
    return with_text(tiny(folder), '"version": "1"', '"version": "2"')


CASE = Attack(make, pinned(PINNED), SealError, "ab" * 32)
