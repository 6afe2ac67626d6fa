"""Nest folders 200 deep: recursive walks run out of stack or of file descriptors."""

import os
from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.bundles import tiny
from tests.attacks.entries import load
from vaeport.errors import SealError


def make(folder: Path) -> Path:
    bundle = tiny(folder)
    os.chdir(bundle)
    for _ in range(200):
        Path("deeper").mkdir()
        os.chdir("deeper")
    Path("file").write_bytes(b"x")
    os.chdir(folder)
    return bundle


CASE = Attack(make, load, SealError, "deeper than any file of a bundle")
