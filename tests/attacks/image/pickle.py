"""Give a pickle for an image."""

import os
import pickle
from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.entries import picture
from tests.attacks.pictures import saved
from vaeport.errors import ImageError


class _Payload:
    def __reduce__(self) -> tuple[object, ...]:
        return os.system, ("touch outside/ran",)


def make(folder: Path) -> Path:
    return saved(folder, "hostile.png", pickle.dumps(_Payload()))


CASE = Attack(make, picture, ImageError, "known format")
