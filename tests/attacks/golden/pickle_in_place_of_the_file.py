"""Give a pickle for the whole golden file: numpy.load looks at the first bytes and unpickles."""

import os
import pickle
from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.bundles import tiny, with_file
from tests.attacks.entries import verify
from vaeport.errors import BundleError


class _Payload:
    def __reduce__(self) -> tuple[object, ...]:
        return os.system, ("touch outside/ran",)


def make(folder: Path) -> Path:
    return with_file(tiny(folder), "golden.npz", pickle.dumps(_Payload()))


CASE = Attack(make, verify, BundleError, "golden.npz cannot be read", after="CVE-2019-6446 (numpy)")
