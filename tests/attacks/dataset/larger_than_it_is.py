"""Claim 10^12 images in a data set that carries none."""

import zipfile
from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.entries import load_dataset
from tests.attacks.golden_files import npy
from vaeport.errors import InputError


def make(folder: Path) -> Path:
    with zipfile.ZipFile(folder / "hostile.npz", "w") as file:
        images = "{'descr': '|u1', 'fortran_order': False, 'shape': (1000000000000, 4, 4), }"
        labels = "{'descr': '|u1', 'fortran_order': False, 'shape': (1000000000000,), }"
        file.writestr("images.npy", npy(images, b""))
        file.writestr("labels.npy", npy(labels, b""))
    return folder / "hostile.npz"


CASE = Attack(make, load_dataset, InputError, "hostile.npz")
