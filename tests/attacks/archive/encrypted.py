"""Mark an entry as encrypted, so that scanners cannot look inside."""

from pathlib import Path

from tests.attacks.archives import hostile, replaced
from tests.attacks.attack import Attack
from tests.attacks.entries import load
from vaeport.errors import SealError


def make(folder: Path) -> Path:
    return hostile(folder, lambda entries: replaced(entries, "golden.npz", flags=0x801))


CASE = Attack(make, load, SealError, "'golden.npz' is encrypted")
