"""Put a link in a folder's place after the bundle was opened."""

import shutil
from pathlib import Path

from tests.attacks.attack import OUTSIDE, Attack
from tests.attacks.bundles import DECODER_FILE, tiny
from vaeport import open_bundle
from vaeport.errors import SealError


def make(folder: Path) -> Path:
    bundle = tiny(folder)
    made = folder / "outside" / DECODER_FILE
    made.parent.mkdir(parents=True)
    made.write_text(OUTSIDE, encoding="utf-8")
    return bundle


def enter(bundle: Path) -> object:
    opened = open_bundle(bundle)
    shutil.rmtree(bundle / "fp32")
    (bundle / "fp32").symlink_to(bundle.parent / "outside/fp32")
    return opened.read(DECODER_FILE)


CASE = Attack(make, enter, SealError, "is a link|is missing", after="races between check and use (CWE-367)")
