"""Nest lists 100,000 deep: recursive parsers run out of stack."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.bundles import tiny, with_text
from tests.attacks.entries import load
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    return with_text(tiny(folder), '"training": {}', f'"training": {{"deep": {"[" * 100_000}{"]" * 100_000}}}')


CASE = Attack(make, load, BundleError, "deep|recursion|nest", after="CVE-2022-31116 and other stack overflows in JSON")
