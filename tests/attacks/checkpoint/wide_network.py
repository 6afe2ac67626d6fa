"""Ask for twenty layers of 16,384 in the record of a run whose weights are a megabyte."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.checkpoints import with_config
from tests.attacks.entries import trained
from vaeport.errors import InputError


def make(folder: Path) -> Path:
    return with_config(folder, lambda values: values["config"]["network"].update(encoder_hidden=[16384] * 20))


CASE = Attack(make, trained, InputError, "encoder.layers.0.weight is .128, 784., not .16384, 784.")
