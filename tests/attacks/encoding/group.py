"""Use protobuf's groups, which are long gone, and nest without a length."""

from pathlib import Path

from tests.attacks import wire
from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import with_decoder_bytes
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    group = wire.tag(9999, wire.GROUP) * 100_000 + wire.tag(9999, wire.END_GROUP) * 100_000
    return with_decoder_bytes(folder, lambda content: content + group)


CASE = Attack(make, load, BundleError, "group|wire type", after="CVE-2024-7254 (protobuf)")
