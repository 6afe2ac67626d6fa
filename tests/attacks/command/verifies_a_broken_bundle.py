"""Let `verify` run what it is asked to check."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.bundles import DECODER_FILE, ENCODER_FILE, tiny
from tests.attacks.entries import CommandError, command


def make(folder: Path) -> Path:
    bundle = tiny(folder)
    (bundle / DECODER_FILE).write_bytes((bundle / ENCODER_FILE).read_bytes())
    return bundle


CASE = Attack(make, command("verify", "{}"), CommandError, "exit code 1: .*is not the file that was sealed")
