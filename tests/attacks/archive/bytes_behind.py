"""Hide bytes in the comment behind the zip's end, where no hash sees them."""

from pathlib import Path

from tests.attacks.archives import archive, entries_of
from tests.attacks.attack import Attack
from tests.attacks.bundles import tiny
from tests.attacks.entries import load
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    path = folder / "hostile.vaeport"
    path.write_bytes(archive(entries_of(tiny(folder)), comment=b"hidden" * 100))
    return path


CASE = Attack(make, load, BundleError, "comment|bytes|behind|end", after="polyglot files")
