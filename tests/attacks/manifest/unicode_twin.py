"""List a file whose name a file system makes equal to another's: composed and decomposed letters."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.bundles import tiny, with_manifest
from tests.attacks.entries import load
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    twins = {name: {"size": 1, "sha256": "0" * 64} for name in ("caf\u00e9", "cafe\u0301")}
    return with_manifest(tiny(folder), lambda values: values["files"].update(twins))


CASE = Attack(make, load, BundleError, "is no plain path", after="CVE-2014-9390 (git)")
