"""Pack two entries whose names differ by case only."""

from pathlib import Path

from tests.attacks.archives import Entry, hostile
from tests.attacks.attack import Attack
from tests.attacks.entries import load
from vaeport.errors import SealError


def make(folder: Path) -> Path:
    return hostile(folder, lambda entries: [*entries, Entry(b"BUNDLE.JSON", b"{}")])


CASE = Attack(make, load, SealError, "'BUNDLE.JSON' is not in bundle.json", after="CVE-2014-9390 (git)")
