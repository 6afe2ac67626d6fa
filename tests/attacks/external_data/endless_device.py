"""Read a device that never ends, more of it than there is memory."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import outside_weight, with_decoder
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    return with_decoder(folder, lambda model: outside_weight(model, "/dev/zero", length=2**40))


CASE = Attack(make, load, BundleError, "external data", targets=("/dev/zero",))
