"""Change a label and keep the digest."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.bundles import tiny
from tests.attacks.entries import load
from vaeport.errors import SealError


def make(folder: Path) -> Path:
    bundle = tiny(folder)
    content = (bundle / "bundle.json").read_text(encoding="utf-8")
    (bundle / "bundle.json").write_text(content.replace('"cat"', '"cow"'), encoding="utf-8")
    return bundle


CASE = Attack(make, load, SealError, "digest")
