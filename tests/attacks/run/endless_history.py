"""Give a run whose history is a file of 64 GB, without one block on the disk."""

import os
from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.checkpoints import run_folder
from vaeport.errors import InputError
from vaeport_train.running.history import load_history


def make(folder: Path) -> Path:
    run = run_folder(folder)
    (run / "metrics.jsonl").touch()
    os.truncate(run / "metrics.jsonl", 2**36)
    return run


CASE = Attack(make, lambda run: load_history(run, epochs=20), InputError, "metrics.jsonl")
