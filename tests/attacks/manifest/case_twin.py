"""List two files whose names differ by case only: one file on Windows and macOS."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.bundles import tiny, with_file
from tests.attacks.entries import load
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    return with_file(tiny(folder), "GOLDEN.NPZ", b"x")


CASE = Attack(make, load, BundleError, "GOLDEN.NPZ|golden.npz", after="CVE-2014-9390 (git)")
