"""Leave the bundle by `..` at the beginning of the path of external data."""

from pathlib import Path

from tests.attacks.attack import Attack, secret_of
from tests.attacks.entries import load
from tests.attacks.graphs import outside_weight, with_decoder
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    return with_decoder(folder, lambda model: outside_weight(model, "../" * 20 + str(secret_of(folder))[1:]))


CASE = Attack(make, load, BundleError, "external data", after="CVE-2022-25882")
