"""Add a file whose name is not UTF-8."""

import os
from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.bundles import tiny
from tests.attacks.entries import load
from vaeport.errors import SealError


def make(folder: Path) -> Path:
    bundle = tiny(folder)
    with open(os.fsencode(bundle) + b"/\xff\xfe", "wb"):  # noqa: PTH123 - a path that is no text
        return bundle


CASE = Attack(make, load, SealError, "udcff")
