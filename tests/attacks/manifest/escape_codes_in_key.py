"""Write escape codes where no value is checked: in the key of a figure.

It is not refused: what is printed is escaped.
"""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.bundles import tiny, with_text
from tests.attacks.entries import command


def make(folder: Path) -> Path:
    return with_text(tiny(folder), '"evaluation": {', '"evaluation": {"\\u001b]0;owned\\u0007\\u009b2J": {"x": 1},')


CASE = Attack(make, command("info", "--json", "{}"), None, r"(?s)u001b.*u009b2J", after="CVE-2003-0063")
