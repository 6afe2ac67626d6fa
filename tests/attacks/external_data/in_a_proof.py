"""Let `verify`, which runs every precision, read the file."""

from pathlib import Path

import onnx

from tests.attacks.attack import Attack
from tests.attacks.bundles import trained_bundle, with_file
from tests.attacks.entries import verify
from tests.attacks.graphs import external
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    bundle = trained_bundle(folder)
    file = "fp16/encoder_classifier/model.onnx"
    model = onnx.load_model_from_string((bundle / file).read_bytes())
    external(next(tensor for tensor in model.graph.initializer if tensor.raw_data), "outside/secret")
    return with_file(bundle, file, model.SerializeToString())


CASE = Attack(make, verify, BundleError, "external data")
