"""Have a file of the machine taken in as weights of a given ONNX file, by its absolute path."""

from pathlib import Path

from tests.attacks.attack import Attack, secret_of
from tests.attacks.entries import given_model
from tests.attacks.graphs import given, outside_weight
from vaeport.errors import InputError


def make(folder: Path) -> Path:
    return given(folder, lambda model: outside_weight(model, str(secret_of(folder))))


CASE = Attack(make, given_model, InputError, "decoder.bias.* no path inside its own folder", after="CVE-2022-25882")
