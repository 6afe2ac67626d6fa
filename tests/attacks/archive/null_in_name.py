"""End a name with a zero byte and more: some readers stop at it."""

from pathlib import Path

from tests.attacks.archives import Entry, hostile
from tests.attacks.attack import Attack
from tests.attacks.entries import load
from vaeport.errors import SealError


def make(folder: Path) -> Path:
    return hostile(folder, lambda entries: [*entries, Entry(b"bundle.json\0.png", b"{}")])


CASE = Attack(make, load, SealError, "bundle.json", after="null byte injection (CWE-158)")
