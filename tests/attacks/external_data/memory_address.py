"""Read the process's own memory: onnxruntime's mark for weights in memory, the address in place of the offset."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import outside_weight, with_decoder
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    location = "*/_ORT_MEM_ADDR_/*"
    return with_decoder(folder, lambda model: outside_weight(model, location, offset=2**22, length=64))


CASE = Attack(make, load, BundleError, "external data", after="onnxruntime's tag for tensors in memory")
