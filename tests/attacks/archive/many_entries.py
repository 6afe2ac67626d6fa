"""Pack 60,000 empty entries."""

from pathlib import Path

from tests.attacks.archives import Entry, hostile
from tests.attacks.attack import Attack
from tests.attacks.entries import load
from vaeport.errors import SealError


def make(folder: Path) -> Path:
    return hostile(folder, lambda entries: [*entries, *(Entry(f"f{i}".encode(), b"") for i in range(60_000))])


CASE = Attack(make, load, SealError, "more than 4096")
