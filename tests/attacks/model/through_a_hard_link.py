"""Put a hard link to a file outside where a given ONNX file has its weights."""

from pathlib import Path

from tests.attacks.attack import Attack, secret_of
from tests.attacks.entries import given_model
from tests.attacks.graphs import given, outside_weight
from vaeport.errors import InputError


def make(folder: Path) -> Path:
    path = given(folder, lambda model: outside_weight(model, "weights.bin"))
    (path.parent / "weights.bin").hardlink_to(secret_of(folder))
    return path


CASE = Attack(make, given_model, InputError, "weights", after="CVE-2026-34446")
