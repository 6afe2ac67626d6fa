"""Write escape codes where no value is checked: in the key of a figure."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.bundles import tiny, with_text
from tests.attacks.entries import CommandError, command


def make(folder: Path) -> Path:
    return with_text(tiny(folder), '"evaluation": {', '"evaluation": {"\\u001b]0;owned\\u0007\\u009b2J": {"x": 1},')


CASE = Attack(make, command("info", "--json", "{}"), CommandError, "printable|evaluation", after="CVE-2003-0063")
