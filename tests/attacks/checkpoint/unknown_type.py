"""Give a weight a type that does not exist."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.bundles import Values
from tests.attacks.checkpoints import with_weights
from tests.attacks.entries import trained
from vaeport.errors import InputError


def make(folder: Path) -> Path:
    def change(header: Values, data: bytes) -> tuple[object, bytes]:
        next(value for value in header.values() if "dtype" in value)["dtype"] = "F1024"
        return header, data

    return with_weights(folder, change)


CASE = Attack(make, trained, InputError, "model.safetensors", after="safetensors' attack files")
