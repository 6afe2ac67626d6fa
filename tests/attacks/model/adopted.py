"""The same paths by way of the export, which takes a given ONNX file into a bundle."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.entries import adopted
from tests.attacks.graphs import given, outside_weight
from vaeport.errors import InputError


def make(folder: Path) -> Path:
    return given(folder, lambda model: outside_weight(model, "../outside/secret"))


CASE = Attack(make, adopted, InputError, "decoder.bias.* no path inside its own folder", after="CVE-2025-51480")
