"""Pack two manifests: readers differ in which they take."""

from pathlib import Path

from tests.attacks.archives import Entry, hostile
from tests.attacks.attack import Attack
from tests.attacks.entries import load
from vaeport.errors import SealError


def make(folder: Path) -> Path:
    def change(entries: list[Entry]) -> list[Entry]:
        return [*entries, *(entry for entry in entries if entry.name == b"bundle.json")]

    return hostile(folder, change)


CASE = Attack(make, load, SealError, "'bundle.json' twice", after="CVE-2013-4787 (Android's Master Key)")
