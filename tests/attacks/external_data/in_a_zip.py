"""Read the file from a zipped bundle, which has no folder at all."""

from pathlib import Path

from tests.attacks.archives import zipped
from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import outside_weight, with_decoder
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    bundle = with_decoder(folder, lambda model: outside_weight(model, "outside/secret"))
    return zipped(bundle, folder / "hostile.vaeport")


CASE = Attack(make, load, BundleError, "external data", after="CVE-2022-25882")
