"""Pack the bundle in a second zip, as nested bombs are."""

from pathlib import Path

from tests.attacks.archives import Entry, archive, zipped
from tests.attacks.attack import Attack
from tests.attacks.bundles import tiny
from tests.attacks.entries import load
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    clean = zipped(tiny(folder), folder / "clean.vaeport").read_bytes()
    (folder / "hostile.vaeport").write_bytes(archive([Entry(b"clean.vaeport", clean)]))
    return folder / "hostile.vaeport"


CASE = Attack(make, load, BundleError, "no bundle.json", after="42.zip")
