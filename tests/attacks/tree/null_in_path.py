"""Give a path with a zero byte, behind which C no longer reads."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.bundles import tiny
from tests.attacks.entries import load
from vaeport.errors import InputError


def make(folder: Path) -> Path:
    return Path(f"{tiny(folder)}\0.png")


CASE = Attack(make, load, InputError, "NUL", after="null byte injection (CWE-158)")
