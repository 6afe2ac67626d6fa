"""Hide bytes behind the weights, where no header names them."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.checkpoints import with_weights
from tests.attacks.entries import trained
from vaeport.errors import InputError


def make(folder: Path) -> Path:
    return with_weights(folder, lambda header, data: (header, data + b"hidden" * 100))


CASE = Attack(make, trained, InputError, "model.safetensors", after="safetensors' audit: polyglot files")
