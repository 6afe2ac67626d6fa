"""Give a run whose record is a pipe."""

import os
from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.checkpoints import run_folder
from tests.attacks.entries import trained
from vaeport.errors import InputError


def make(folder: Path) -> Path:
    run = run_folder(folder)
    (run / "config.json").unlink()
    os.mkfifo(run / "config.json")
    return run


CASE = Attack(make, trained, InputError, "no run folder|config.json")
