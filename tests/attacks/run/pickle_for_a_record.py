"""Give a pickle for the record of a run."""

import os
import pickle
from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.checkpoints import run_folder
from tests.attacks.entries import trained
from vaeport.errors import InputError


class _Payload:
    def __reduce__(self) -> tuple[object, ...]:
        return os.system, ("touch outside/ran",)


def make(folder: Path) -> Path:
    run = run_folder(folder)
    (run / "config.json").write_bytes(pickle.dumps(_Payload()))
    return run


CASE = Attack(make, trained, InputError, "config.json is damaged")
