"""Write a whole number of 3,000,000 digits, which takes minutes to convert."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.bundles import tiny, with_text
from tests.attacks.entries import load
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    return with_text(tiny(folder), '"contract": 2', f'"contract": {"2" * 3_000_000}')


CASE = Attack(make, load, BundleError, "digits|contract", after="CVE-2020-10735 (CPython)")
