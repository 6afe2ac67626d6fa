"""Write a list where the record has a table."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.checkpoints import with_config
from tests.attacks.entries import trained
from vaeport.errors import InputError


def make(folder: Path) -> Path:
    return with_config(folder, lambda values: values.update(config=[1, 2, 3]))


CASE = Attack(make, trained, InputError, "config.json.*config")
