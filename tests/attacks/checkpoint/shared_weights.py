"""Let two weights overlap in the file."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.bundles import Values
from tests.attacks.checkpoints import with_weights
from tests.attacks.entries import trained
from vaeport.errors import InputError


def make(folder: Path) -> Path:
    def change(header: Values, data: bytes) -> tuple[object, bytes]:
        biases = [value for value in header.values() if value.get("shape") == [128]]
        biases[1]["data_offsets"] = biases[0]["data_offsets"]
        return header, data

    return with_weights(folder, change)


CASE = Attack(make, trained, InputError, "model.safetensors", after="safetensors' audit: overlapping offsets")
