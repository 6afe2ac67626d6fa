"""Nest lists 100,000 deep in the record."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.checkpoints import with_config_text
from tests.attacks.entries import trained
from vaeport.errors import InputError


def make(folder: Path) -> Path:
    return with_config_text(folder, '"preset": "blog"', f'"preset": {"[" * 100_000}{"]" * 100_000}')


CASE = Attack(make, trained, InputError, "config.json")
