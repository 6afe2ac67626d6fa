"""Nest lists 100,000 deep in the header of the weights."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.checkpoints import with_weights
from tests.attacks.entries import trained
from vaeport.errors import InputError


def make(folder: Path) -> Path:
    deep = '{"__metadata__": ' + "[" * 100_000 + "]" * 100_000 + "}"
    return with_weights(folder, lambda _, data: (deep, data))


CASE = Attack(make, trained, InputError, "model.safetensors", after="safetensors' attack files")
