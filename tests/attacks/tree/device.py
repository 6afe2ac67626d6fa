"""Put the device of endless zeros in the place of a graph."""

import os
import stat
from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.bundles import DECODER_FILE, tiny
from tests.attacks.entries import load
from vaeport.errors import SealError


def make(folder: Path) -> Path:
    bundle = tiny(folder)
    (bundle / DECODER_FILE).unlink()
    try:
        os.mknod(bundle / DECODER_FILE, stat.S_IFCHR | 0o644, os.makedev(1, 5))
    except PermissionError:
        (bundle / DECODER_FILE).symlink_to("/dev/zero")  # all that others than root can make
    return bundle


CASE = Attack(make, load, SealError, "is no plain file|is a link", targets=("/dev/zero",))
