"""Give a weight of 64 bytes the sizes 2^32 x 2^32 x 16, whose product is 0 in 64 bits."""

from pathlib import Path

from onnx import ModelProto

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import weight_of, with_decoder
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    def change(model: ModelProto) -> None:
        weight_of(model, "decoder.bias").dims[:] = [2**32, 2**32, 16]

    return with_decoder(folder, change)


CASE = Attack(make, load, BundleError, "decoder.bias", after="CVE-2023-33976 and other overflows of shapes")
