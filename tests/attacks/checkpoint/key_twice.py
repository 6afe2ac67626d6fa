"""State the preset twice in the record: readers differ in which they take."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.checkpoints import with_config_text
from tests.attacks.entries import trained
from vaeport.errors import InputError


def make(folder: Path) -> Path:
    return with_config_text(folder, '"format": 1,', '"format": 1, "preset": "mlp",')


CASE = Attack(make, trained, InputError, "config.json.*(twice|duplicate)")
