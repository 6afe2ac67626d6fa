"""Name a tensor so that the error message that names it clears the terminal and writes a title."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import bomb, node
from vaeport.errors import BundleError

NAME = "\x1b[2J\x1b]0;owned\x07\nvaeport: all is well"


def make(folder: Path) -> Path:
    return bomb(folder, [node("Abs", [NAME], ["bomb"])])


CASE = Attack(make, load, BundleError, r"\\x1b", after="terminal escape injection, CVE-2003-0063 and later")
