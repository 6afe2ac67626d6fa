"""Put each graph in the other's place."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.bundles import DECODER_FILE, ENCODER_FILE, tiny, with_file
from tests.attacks.entries import load
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    bundle = tiny(folder)
    decoder, encoder = (bundle / DECODER_FILE).read_bytes(), (bundle / ENCODER_FILE).read_bytes()
    return with_file(with_file(bundle, DECODER_FILE, encoder), ENCODER_FILE, decoder)


CASE = Attack(make, load, BundleError, "inputs|encoder_classifier|decoder")
