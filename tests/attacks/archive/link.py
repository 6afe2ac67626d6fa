"""Pack a link to a file outside in the place of the golden vectors."""

from pathlib import Path

from tests.attacks.archives import hostile, replaced
from tests.attacks.attack import Attack, secret_of
from tests.attacks.entries import load
from vaeport.errors import SealError


def make(folder: Path) -> Path:
    target = str(secret_of(folder)).encode()
    return hostile(folder, lambda entries: replaced(entries, "golden.npz", content=target, mode=0o120777))


CASE = Attack(make, load, SealError, "'golden.npz' is no plain file", after="CVE-2025-4517 and other links in archives")
