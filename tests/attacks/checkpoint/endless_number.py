"""Write 10^5000 where the record has a whole number."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.checkpoints import with_config_text
from tests.attacks.entries import trained
from vaeport.errors import InputError


def make(folder: Path) -> Path:
    return with_config_text(folder, '"latent_dim": 10', f'"latent_dim": 1{"0" * 5000}')


CASE = Attack(make, trained, InputError, "config.json", after="CVE-2020-10735 (CPython)")
