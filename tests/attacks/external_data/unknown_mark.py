"""Say that the data lie in a place which the format does not know."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.bundles import DECODER_FILE, with_file
from tests.attacks.entries import load
from tests.attacks.graphs import weight_of, with_decoder
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    bundle = with_decoder(folder, lambda model: setattr(weight_of(model, "decoder.bias"), "data_location", 1))
    content = (bundle / DECODER_FILE).read_bytes()
    assert content.count(b"\x70\x01") == 1
    return with_file(bundle, DECODER_FILE, content.replace(b"\x70\x01", b"\x70\x07"))


CASE = Attack(make, load, BundleError, "data_location|external data")
