"""State the labels twice: the last ones count for Python, the first ones for others."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.bundles import tiny, with_text
from tests.attacks.entries import load
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    return with_text(tiny(folder), '  "version": "1",\n', '  "version": "1",\n  "labels": ["dog", "cat", "owl"],\n')


CASE = Attack(make, load, BundleError, "key stands twice|twice", after="JSON parser differentials, CVE-2017-12635")
