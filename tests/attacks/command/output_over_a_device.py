"""Write the picture over a device."""

import os
from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.entries import CommandError, command


def make(folder: Path) -> Path:
    os.mkfifo(folder / "drawn.png")
    return folder / "drawn.png"


CASE = Attack(make, command("generate", "7", "--output", "{}"), CommandError, "no file")
