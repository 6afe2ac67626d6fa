"""Put a pipe among the images of a folder."""

import os
from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.entries import load_dataset
from vaeport.errors import InputError


def make(folder: Path) -> Path:
    for kind in ("cat", "dog"):
        (folder / "images" / kind).mkdir(parents=True)
        os.mkfifo(folder / "images" / kind / "a.png")
    return folder / "images"


CASE = Attack(make, load_dataset, InputError, "images")
