"""List a file that is a device on Windows, in any folder and with any ending."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.bundles import tiny, with_file
from tests.attacks.entries import load
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    return with_file(tiny(folder), "checkpoint/CON.json", b"{}")


CASE = Attack(make, load, BundleError, "CON", after="CVE-2018-1000156 and other device names")
