"""Name a file in a folder that is a link: the last part of the path is a plain file, as checkers ask."""

from pathlib import Path

from tests.attacks.attack import Attack, secret_of
from tests.attacks.entries import load
from tests.attacks.graphs import outside_weight, with_decoder
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    (folder / "data").symlink_to(secret_of(folder).parent)
    return with_decoder(folder, lambda model: outside_weight(model, "data/secret"))


CASE = Attack(make, load, BundleError, "external data", after="CVE-2026-27489")
