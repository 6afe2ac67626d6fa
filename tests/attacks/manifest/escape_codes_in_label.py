"""Clear the terminal and set its title by a label."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.bundles import tiny, with_text
from tests.attacks.entries import CommandError, command


def make(folder: Path) -> Path:
    return with_text(tiny(folder), '"cat"', '"\\u001b[2J\\u001b]0;owned\\u0007"')


CASE = Attack(make, command("info", "{}"), CommandError, "labels.*printable", after="CVE-2003-0063 and later")
