"""Give a pickle for a data set."""

import os
import pickle
from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.entries import load_dataset
from vaeport.errors import InputError


class _Payload:
    def __reduce__(self) -> tuple[object, ...]:
        return os.system, ("touch outside/ran",)


def make(folder: Path) -> Path:
    (folder / "hostile.npz").write_bytes(pickle.dumps(_Payload()))
    return folder / "hostile.npz"


CASE = Attack(make, load_dataset, InputError, "hostile.npz", after="CVE-2019-6446 (numpy)")
