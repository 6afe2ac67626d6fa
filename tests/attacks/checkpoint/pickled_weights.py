"""Give a pickle for the weights, as torch.save writes it, which runs a command where it is loaded."""

import os
import pickle
from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.bundles import trained_bundle, with_file
from tests.attacks.checkpoints import WEIGHTS
from tests.attacks.entries import trained
from vaeport.errors import InputError


class _Payload:
    def __reduce__(self) -> tuple[object, ...]:
        return os.system, ("touch outside/ran",)


def make(folder: Path) -> Path:
    return with_file(trained_bundle(folder), WEIGHTS, pickle.dumps(_Payload()))


CASE = Attack(make, trained, InputError, "model.safetensors", after="CVE-2025-32434 (torch.load)")
