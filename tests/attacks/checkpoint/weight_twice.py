"""Describe a weight twice in the header of the weights: the second is what some readers see."""

import json
from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.bundles import Values
from tests.attacks.checkpoints import with_weights
from tests.attacks.entries import trained
from vaeport.errors import InputError


def make(folder: Path) -> Path:
    def change(header: Values, data: bytes) -> tuple[object, bytes]:
        name = next(name for name in header if name != "__metadata__")
        text = json.dumps(header)
        return "{" + f'"{name}": {json.dumps(header[name])}, ' + text[1:], data

    return with_weights(folder, change)


CASE = Attack(make, trained, InputError, "twice|duplicate", after="duplicate keys, safetensors' audit")
