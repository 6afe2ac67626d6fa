"""Run a command by an array of objects, which numpy unpickles if it is let."""

import os
import pickle
from pathlib import Path

import numpy as np

from tests.attacks.attack import Attack
from tests.attacks.entries import verify
from tests.attacks.golden_files import npy, with_array
from vaeport.errors import BundleError


class _Payload:
    def __reduce__(self) -> tuple[object, ...]:
        return os.system, ("touch outside/ran",)


def make(folder: Path) -> Path:
    content = pickle.dumps(np.array([_Payload()], object))
    return with_array(folder, content=npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", content))


CASE = Attack(make, verify, BundleError, "labels.npy.*object", after="CVE-2019-6446 (numpy)")
