"""Name a function of the standard library as the network."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.checkpoints import with_config
from tests.attacks.entries import trained
from vaeport.errors import InputError


def make(folder: Path) -> Path:
    return with_config(folder, lambda values: values["config"]["network"].update(kind="os:system"))


CASE = Attack(make, trained, InputError, "kind")
