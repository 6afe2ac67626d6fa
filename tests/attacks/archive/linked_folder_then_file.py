"""Pack a link for a folder, and a file below it, which is then written outside."""

from pathlib import Path

from tests.attacks.archives import Entry, hostile
from tests.attacks.attack import Attack, secret_of
from tests.attacks.entries import load
from vaeport.errors import SealError


def make(folder: Path) -> Path:
    link = Entry(b"aside", str(secret_of(folder).parent).encode(), mode=0o120777)
    return hostile(folder, lambda entries: [*entries, link, Entry(b"aside/secret", b"overwritten")])


CASE = Attack(make, load, SealError, "'aside' is no plain file", after="CVE-2025-4517 and other links in archives")
