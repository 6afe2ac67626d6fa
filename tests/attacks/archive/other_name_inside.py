"""Name an entry one way in the directory, and another at its bytes."""

from pathlib import Path

from tests.attacks.archives import hostile, replaced
from tests.attacks.attack import Attack
from tests.attacks.entries import load
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    return hostile(folder, lambda entries: replaced(entries, "golden.npz", local_name=b"hidden.npz"))


CASE = Attack(make, load, BundleError, "golden.npz|hidden.npz", after="CVE-2013-4787 (Android's Master Key)")
