"""Write escape codes to the terminal by the name of an image in a folder that is classified."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.entries import CommandError, command
from tests.attacks.pictures import saved


def make(folder: Path) -> Path:
    (folder / "images").mkdir()
    return saved(folder, "images/\x1b[2J\x1b]0;owned\x07\nvaeport: all is well.png", b"no image").parent


CASE = Attack(make, command("classify", "{}"), CommandError, "known format", after="CVE-2003-0063 and later")
