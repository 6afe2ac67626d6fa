"""Have the export take a file outside into a bundle, by a link that stands for the weights."""

from pathlib import Path

from tests.attacks.attack import Attack, secret_of
from tests.attacks.entries import adopted
from tests.attacks.graphs import given, outside_weight
from vaeport.errors import InputError


def make(folder: Path) -> Path:
    path = given(folder, lambda model: outside_weight(model, "data/secret"))
    (path.parent / "data").symlink_to(secret_of(folder).parent)
    return path


CASE = Attack(make, adopted, InputError, "data/secret.* is a link", after="CVE-2026-27489")
