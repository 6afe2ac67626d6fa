"""Read before the beginning of a file of weights."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.entries import given_model
from tests.attacks.graphs import given, outside_weight
from vaeport.errors import InputError


def make(folder: Path) -> Path:
    path = given(folder, lambda model: outside_weight(model, "weights.bin", offset=-64, length=64))
    (path.parent / "weights.bin").write_bytes(bytes(64))
    return path


CASE = Attack(make, given_model, InputError, "weights", after="CVE-2026-34445")
