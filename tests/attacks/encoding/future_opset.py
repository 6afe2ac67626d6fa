"""Ask for operators of a version that does not exist."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import with_decoder
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    return with_decoder(folder, lambda model: setattr(model.opset_import[0], "version", 2**40))


CASE = Attack(make, load, BundleError, "opset")
