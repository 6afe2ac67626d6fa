"""End in the middle of a weight."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import with_decoder_bytes
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    return with_decoder_bytes(folder, lambda content: content[: len(content) // 2])


CASE = Attack(make, load, BundleError, "beyond|end|longer|cut|length")
