"""The same, pinned by `--digest`."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.bundles import tiny, with_text
from tests.attacks.entries import CommandError, command


def make(folder: Path) -> Path:
    return with_text(tiny(folder), '"version": "1"', '"version": "2"')


CASE = Attack(make, command("verify", "{}", "--digest", "sha256:" + "ab" * 32), CommandError, "ab" * 32)
