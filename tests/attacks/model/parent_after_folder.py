"""Leave the folder of a given ONNX file by `..` behind a folder's name."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.entries import given_model
from tests.attacks.graphs import given, outside_weight
from vaeport.errors import InputError


def make(folder: Path) -> Path:
    return given(folder, lambda model: outside_weight(model, "../given/../outside/secret"))


CASE = Attack(make, given_model, InputError, "weights", after="CVE-2024-27318")
