"""Take weights from the device of endless zeros."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.entries import given_model
from tests.attacks.graphs import given, outside_weight
from vaeport.errors import InputError


def make(folder: Path) -> Path:
    return given(folder, lambda model: outside_weight(model, "/dev/zero", length=2**40))


CASE = Attack(make, given_model, InputError, "weights", targets=("/dev/zero",))
