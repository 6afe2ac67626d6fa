"""Import the standard operators in two versions: readers differ in which they run."""

from pathlib import Path

from onnx import helper

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import with_decoder
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    return with_decoder(folder, lambda model: model.opset_import.append(helper.make_opsetid("", 7)))


CASE = Attack(make, load, BundleError, "opset|twice")
