"""Fill the weights with NaN."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.checkpoints import with_weights
from tests.attacks.entries import trained
from vaeport.errors import InputError


def make(folder: Path) -> Path:
    return with_weights(folder, lambda header, data: (header, b"\xff" * len(data)))


CASE = Attack(make, trained, InputError, "finite")
