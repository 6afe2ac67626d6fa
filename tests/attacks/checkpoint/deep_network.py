"""Ask for 100,000 layers of one."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.checkpoints import with_config
from tests.attacks.entries import trained
from vaeport.errors import InputError


def make(folder: Path) -> Path:
    return with_config(folder, lambda values: values["config"]["network"].update(encoder_hidden=[1] * 100_000))


CASE = Attack(make, trained, InputError, "encoder_hidden|layers")
