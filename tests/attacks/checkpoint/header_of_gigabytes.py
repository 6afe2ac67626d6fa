"""Claim a header of 2^63 bytes in front of the weights."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.bundles import trained_bundle, with_file
from tests.attacks.checkpoints import WEIGHTS, safetensors
from tests.attacks.entries import trained
from vaeport.errors import InputError


def make(folder: Path) -> Path:
    return with_file(trained_bundle(folder), WEIGHTS, safetensors("{}", b"", length=2**63))


CASE = Attack(make, trained, InputError, "model.safetensors", after="safetensors' attack files")
