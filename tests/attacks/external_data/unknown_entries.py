"""Set attributes of the reader's own objects: external data with keys that the format does not know."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import outside_weight, with_decoder
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    entries = {"__class__": "object", "length": 2**40, "basepath": "/"}
    return with_decoder(folder, lambda model: outside_weight(model, "outside/secret", **entries))


CASE = Attack(make, load, BundleError, "external data", after="CVE-2026-34445")
