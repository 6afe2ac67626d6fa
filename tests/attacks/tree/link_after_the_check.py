"""Put a link in a graph's place after the bundle was opened."""

from pathlib import Path

from tests.attacks.attack import Attack, secret_of
from tests.attacks.bundles import DECODER_FILE, tiny
from vaeport import open_bundle
from vaeport.errors import SealError


def make(folder: Path) -> Path:
    return tiny(folder)


def enter(bundle: Path) -> object:
    opened = open_bundle(bundle)
    (bundle / DECODER_FILE).unlink()
    (bundle / DECODER_FILE).symlink_to(secret_of(bundle.parent))
    return opened.read(DECODER_FILE)


CASE = Attack(make, enter, SealError, "is a link", after="races between check and use (CWE-367)")
