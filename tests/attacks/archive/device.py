"""Pack a device."""

from pathlib import Path

from tests.attacks.archives import hostile, replaced
from tests.attacks.attack import Attack
from tests.attacks.entries import load
from vaeport.errors import SealError


def make(folder: Path) -> Path:
    return hostile(folder, lambda entries: replaced(entries, "golden.npz", mode=0o020666))


CASE = Attack(make, load, SealError, "'golden.npz' is no plain file")
