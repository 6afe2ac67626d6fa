"""Write the digest in capitals: the same number in other bytes, so that a bundle has two names."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.bundles import tiny
from tests.attacks.entries import load
from vaeport.errors import SealError


def make(folder: Path) -> Path:
    bundle = tiny(folder)
    first, digest, rest = (bundle / "bundle.json").read_text(encoding="utf-8").split("\n", 2)
    head, _, number = digest.partition("sha256:")
    (bundle / "bundle.json").write_text(f"{first}\n{head}sha256:{number.upper()}\n{rest}", encoding="utf-8")
    return bundle


CASE = Attack(make, load, SealError, "digest")
