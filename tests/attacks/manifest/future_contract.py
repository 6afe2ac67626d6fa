"""Claim the next contract, whose rules today's reader does not know."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.bundles import tiny, with_text
from tests.attacks.entries import load
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    return with_text(tiny(folder), '"contract": 2', '"contract": 3')


CASE = Attack(make, load, BundleError, "follows contract 3")
