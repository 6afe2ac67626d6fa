"""Give a zip file for a graph, which some readers of models unpack."""

from pathlib import Path

from tests.attacks.archives import Entry, archive
from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import with_decoder_bytes
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    return with_decoder_bytes(folder, lambda content: archive([Entry(b"../../outside/made", content)]))


CASE = Attack(make, load, BundleError, "decoder/model.onnx", after="CVE-2024-5187")
