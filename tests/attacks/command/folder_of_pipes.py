"""Put a pipe among the images of a folder that is classified."""

import os
from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.entries import CommandError, command


def make(folder: Path) -> Path:
    (folder / "images").mkdir()
    os.mkfifo(folder / "images/a.png")
    return folder / "images"


CASE = Attack(make, command("classify", "{}"), CommandError, "no file|no image")
