"""Add a file that nobody vouches for: Python would import it if somebody worked in the folder."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.bundles import tiny
from tests.attacks.entries import load
from vaeport.errors import SealError


def make(folder: Path) -> Path:
    bundle = tiny(folder)
    (bundle / "numpy.py").write_text("raise SystemExit", encoding="utf-8")
    return bundle


CASE = Attack(make, load, SealError, "'numpy.py' is not in bundle.json", after="untrusted search paths (CWE-426)")
