"""Write escape codes to the terminal by the name of a bundle that is not there."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.entries import CommandError, command


def make(folder: Path) -> Path:
    return folder / "\x1b[2J\x1b]0;owned\x07\nvaeport: all is well"


CASE = Attack(make, command("info", "{}"), CommandError, "does not exist", after="CVE-2003-0063 and later")
