"""Nest lists 900 deep: parsers manage, printers do not."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.bundles import tiny, with_text
from tests.attacks.entries import CommandError, command


def make(folder: Path) -> Path:
    return with_text(tiny(folder), '"training": {}', f'"training": {{"deep": {"[" * 900}{"]" * 900}}}')


CASE = Attack(make, command("info", "{}"), CommandError, "deep|nest")
