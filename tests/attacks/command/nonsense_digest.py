"""Pin by something that is no digest, so that nothing is pinned."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.bundles import tiny
from tests.attacks.entries import CommandError, command


def make(folder: Path) -> Path:
    return tiny(folder)


CASE = Attack(make, command("info", "{}", "--digest", "latest"), CommandError, "digest is 'latest'")
