"""Give a pickle for a graph, which runs a command where it is unpickled."""

import os
import pickle
from pathlib import Path

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import with_decoder_bytes
from vaeport.errors import BundleError


class _Payload:
    def __reduce__(self) -> tuple[object, ...]:
        return os.system, ("touch outside/ran",)


def make(folder: Path) -> Path:
    return with_decoder_bytes(folder, lambda _: pickle.dumps(_Payload()))


CASE = Attack(make, load, BundleError, "decoder/model.onnx", after="torch.load, pickle scanners")
