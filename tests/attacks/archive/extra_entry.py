"""Pack a program beside the bundle's files."""

from pathlib import Path

from tests.attacks.archives import Entry, hostile
from tests.attacks.attack import Attack
from tests.attacks.entries import load
from vaeport.errors import SealError


def make(folder: Path) -> Path:
    return hostile(folder, lambda entries: [*entries, Entry(b"__main__.py", b"raise SystemExit")])


CASE = Attack(make, load, SealError, "'__main__.py' is not in bundle.json", after="python FILE.zip runs __main__.py")
