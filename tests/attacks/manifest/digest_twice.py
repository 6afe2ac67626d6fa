"""State two digests, the right one last."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.bundles import manifest_text, tiny, write_manifest
from tests.attacks.entries import load
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    bundle = tiny(folder)
    text = manifest_text(bundle)
    false = text[:2] + f'  "digest": "sha256:{"0" * 64}",\n' + text[2:]
    return write_manifest(bundle, false)


CASE = Attack(make, load, BundleError, "digest|twice")
