"""Take weights from a pipe, on which a reader waits for ever."""

import os
from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.entries import given_model
from tests.attacks.graphs import given, outside_weight
from vaeport.errors import InputError


def make(folder: Path) -> Path:
    path = given(folder, lambda model: outside_weight(model, "pipe"))
    os.mkfifo(path.parent / "pipe")
    return path


CASE = Attack(make, given_model, InputError, "weights")
