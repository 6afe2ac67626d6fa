"""Unpack a file over the user's own: an entry's name begins with `..`."""

from pathlib import Path

from tests.attacks.archives import Entry, hostile
from tests.attacks.attack import Attack
from tests.attacks.entries import load
from vaeport.errors import SealError


def make(folder: Path) -> Path:
    return hostile(folder, lambda entries: [*entries, Entry(b"../outside/secret", b"overwritten")])


CASE = Attack(make, load, SealError, "'../outside/secret' is not in bundle.json", after="zip slip")
