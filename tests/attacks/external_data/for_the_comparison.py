"""Let `vaeport-parity` read the file, with onnx instead of the runtime's reader."""

from pathlib import Path

import onnx

from tests.attacks.attack import Attack, secret_of
from tests.attacks.bundles import DECODER_FILE, trained_bundle, with_file
from tests.attacks.entries import original
from tests.attacks.graphs import external
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    bundle = trained_bundle(folder)
    model = onnx.load_model_from_string((bundle / DECODER_FILE).read_bytes())
    external(next(tensor for tensor in model.graph.initializer if len(tensor.dims) == 1), str(secret_of(folder)))
    return with_file(bundle, DECODER_FILE, model.SerializeToString())


CASE = Attack(make, original, BundleError, "external data", after="CVE-2022-25882")
