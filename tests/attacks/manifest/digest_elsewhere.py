"""Write the digest at the end of the manifest, where a reader of values finds it, too."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.bundles import manifest_text, sealed_text, tiny
from tests.attacks.entries import load
from vaeport.errors import SealError


def make(folder: Path) -> Path:
    def move(text: str) -> str:
        first, digest, rest = text.split("\n", 2)
        return f"{first}\n{rest.rstrip().removesuffix('}').rstrip()},\n{digest.removesuffix(',')}\n}}\n"

    bundle = tiny(folder)
    sealed = sealed_text(manifest_text(bundle))
    (bundle / "bundle.json").write_text(move(sealed), encoding="utf-8")
    return bundle


CASE = Attack(make, load, SealError, "digest")
