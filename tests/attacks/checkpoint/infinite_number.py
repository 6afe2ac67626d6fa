"""Write 1e999 where the record has a number."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.checkpoints import with_config_text
from tests.attacks.entries import trained
from vaeport.errors import InputError


def make(folder: Path) -> Path:
    return with_config_text(folder, '"variance_floor": 1e-05', '"variance_floor": 1e999')


CASE = Attack(make, trained, InputError, "config.json")
