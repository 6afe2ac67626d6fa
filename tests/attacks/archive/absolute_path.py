"""Unpack a file to an absolute path."""

from pathlib import Path

from tests.attacks.archives import Entry, hostile
from tests.attacks.attack import Attack, secret_of
from tests.attacks.entries import load
from vaeport.errors import SealError


def make(folder: Path) -> Path:
    return hostile(folder, lambda entries: [*entries, Entry(str(secret_of(folder)).encode(), b"overwritten")])


CASE = Attack(make, load, SealError, "outside/secret' is not in bundle.json", after="zip slip, CVE-2024-5187")
