"""State other labels in the record than in the manifest."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.checkpoints import with_config
from tests.attacks.entries import trained
from vaeport.errors import InputError


def make(folder: Path) -> Path:
    return with_config(folder, lambda values: values["data"]["labels"].reverse())


CASE = Attack(make, trained, InputError, "other labels|labels")
