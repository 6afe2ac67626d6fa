"""Read the environment of the process, where keys and tokens stand."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import outside_weight, with_decoder
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    return with_decoder(folder, lambda model: outside_weight(model, "/proc/self/environ", length=64))


CASE = Attack(make, load, BundleError, "external data", targets=("/proc/self/environ",))
