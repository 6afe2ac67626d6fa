"""Give a tar file under the name of a bundle, with a link and a parent folder in it."""

import io
import tarfile
from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    with tarfile.open(folder / "hostile.vaeport", "w") as file:
        entry = tarfile.TarInfo("../outside/secret")
        entry.size = 4
        file.addfile(entry, io.BytesIO(b"over"))
    return folder / "hostile.vaeport"


CASE = Attack(make, load, BundleError, "no zip that can be read", after="CVE-2007-4559, CVE-2024-5187")
