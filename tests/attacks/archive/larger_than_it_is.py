"""Claim more bytes for an entry than the file has."""

from pathlib import Path

from tests.attacks.archives import hostile, replaced
from tests.attacks.attack import Attack
from tests.attacks.entries import load
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    return hostile(folder, lambda entries: replaced(entries, "golden.npz", size=2**31, packed=2**31))


CASE = Attack(make, load, BundleError, "share their bytes|golden.npz")
