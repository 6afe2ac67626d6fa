"""Give a file of no bytes for a graph: to protobuf, an empty message is a valid one."""

from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import with_decoder_bytes
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    return with_decoder_bytes(folder, lambda _: b"")


CASE = Attack(make, load, BundleError, "no graph|empty|lacks|ir_version|IR version")
