"""Claim a petabyte of weights in a file of 64 bytes."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.entries import given_model
from tests.attacks.graphs import given, outside_weight
from vaeport.errors import InputError


def make(folder: Path) -> Path:
    path = given(folder, lambda model: outside_weight(model, "weights.bin", length=2**50))
    (path.parent / "weights.bin").write_bytes(bytes(64))
    return path


CASE = Attack(make, given_model, InputError, "weights|decoder.bias", after="CVE-2026-34445")
