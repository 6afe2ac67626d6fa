"""Run a command by an array of objects in a data set."""

import os
import pickle
import zipfile
from pathlib import Path

import numpy as np

from tests.attacks.attack import Attack
from tests.attacks.entries import load_dataset
from tests.attacks.golden_files import npy
from vaeport.errors import InputError


class _Payload:
    def __reduce__(self) -> tuple[object, ...]:
        return os.system, ("touch outside/ran",)


def make(folder: Path) -> Path:
    with zipfile.ZipFile(folder / "hostile.npz", "w") as file:
        header = "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }"
        for name in ("images.npy", "labels.npy"):
            file.writestr(name, npy(header, pickle.dumps(np.array([_Payload()], object))))
    return folder / "hostile.npz"


CASE = Attack(make, load_dataset, InputError, "hostile.npz.*(pickle|object)", after="CVE-2019-6446 (numpy)")
