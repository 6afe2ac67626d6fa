"""Give a run whose training state is a pickle that runs a command."""

import os
import pickle
from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.checkpoints import run_folder
from tests.attacks.entries import resumed
from vaeport.errors import InputError


class _Payload:
    def __reduce__(self) -> tuple[object, ...]:
        return os.system, ("touch outside/ran",)


def make(folder: Path) -> Path:
    run = run_folder(folder)
    (run / "trainer.safetensors").write_bytes(pickle.dumps(_Payload()))
    return run


CASE = Attack(make, resumed, InputError, "trainer.safetensors", after="CVE-2025-32434 (torch.load)")
