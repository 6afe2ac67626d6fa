"""Turn the reading direction round in a label, so that it is shown as another."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.bundles import tiny, with_text
from tests.attacks.entries import load
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    return with_text(tiny(folder), '"cat"', '"\\u202etac"')


CASE = Attack(make, load, BundleError, "labels.*printable", after="CVE-2021-42574 (Trojan Source)")
