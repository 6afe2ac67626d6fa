"""Read the file by the other graph: a class is what stands in it."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import external, weight_of, with_encoder
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    return with_encoder(folder, lambda model: external(weight_of(model, "classes.bias"), "outside/secret", length=12))


CASE = Attack(make, load, BundleError, "external data", after="CVE-2022-25882")
