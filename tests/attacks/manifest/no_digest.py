"""Leave the digest out: then nothing covers the manifest itself."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.bundles import manifest_text, tiny
from tests.attacks.entries import load
from vaeport.errors import SealError


def make(folder: Path) -> Path:
    bundle = tiny(folder)
    (bundle / "bundle.json").write_text(manifest_text(bundle), encoding="utf-8")
    return bundle


CASE = Attack(make, load, SealError, "digest")
