"""Name an honest file of the bundle that is a link to a file outside it."""

from pathlib import Path

from tests.attacks.attack import Attack, secret_of
from tests.attacks.entries import load
from tests.attacks.graphs import outside_weight, with_decoder
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    (folder / "weights.bin").symlink_to(secret_of(folder))
    return with_decoder(folder, lambda model: outside_weight(model, "weights.bin"))


CASE = Attack(make, load, BundleError, "external data", after="CVE-2026-27489")
