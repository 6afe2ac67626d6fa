"""Let a weight lie behind the end of the file."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.bundles import Values
from tests.attacks.checkpoints import with_weights
from tests.attacks.entries import trained
from vaeport.errors import InputError


def make(folder: Path) -> Path:
    def change(header: Values, data: bytes) -> tuple[object, bytes]:
        for value in header.values():
            if "data_offsets" in value:
                value["data_offsets"] = [offset + 2**40 for offset in value["data_offsets"]]
        return header, data

    return with_weights(folder, change)


CASE = Attack(make, trained, InputError, "model.safetensors", after="safetensors' attack files")
