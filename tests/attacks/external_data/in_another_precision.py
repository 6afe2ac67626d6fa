"""Put the external data in the int8 graph, which only those read who ask for it."""

from pathlib import Path

import onnx

import vaeport
from tests.attacks.attack import Attack
from tests.attacks.bundles import trained_bundle, with_file
from tests.attacks.graphs import external
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    bundle = trained_bundle(folder)
    file = "int8/decoder/model.onnx"
    model = onnx.load_model_from_string((bundle / file).read_bytes())
    external(next(tensor for tensor in model.graph.initializer if tensor.raw_data), "outside/secret")
    return with_file(bundle, file, model.SerializeToString())


CASE = Attack(make, lambda bundle: vaeport.load(bundle, precision="int8"), BundleError, "external data")
