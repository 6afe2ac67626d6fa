"""Give a weight a shape whose product is 0 in 64 bits."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.bundles import Values
from tests.attacks.checkpoints import with_weights
from tests.attacks.entries import trained
from vaeport.errors import InputError


def make(folder: Path) -> Path:
    def change(header: Values, data: bytes) -> tuple[object, bytes]:
        next(value for value in header.values() if "shape" in value)["shape"] = [2**32, 2**32]
        return header, data

    return with_weights(folder, change)


CASE = Attack(make, trained, InputError, "model.safetensors", after="safetensors' attack files")
