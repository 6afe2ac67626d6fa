"""Write 10^400 for an evaluation figure, which `info` prints."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.bundles import tiny, with_text
from tests.attacks.entries import CommandError, command


def make(folder: Path) -> Path:
    return with_text(tiny(folder), '"classification_error": 0.5385', f'"classification_error": 1{"0" * 400}')


CASE = Attack(make, command("info", "{}"), CommandError, "evaluation|classification_error|number")
