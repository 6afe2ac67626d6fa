"""Leave the bundle on Windows only: backslashes, which elsewhere are part of a plain name."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import outside_weight, with_decoder
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    (folder / "..\\outside\\secret").write_bytes(bytes(64))
    return with_decoder(folder, lambda model: outside_weight(model, "..\\outside\\secret"))


CASE = Attack(make, load, BundleError, "external data", after="CVE-2022-25882 on Windows")
