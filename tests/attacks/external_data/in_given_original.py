"""Hide the external tensor in the ONNX file that a bundle keeps as its original, which vaeport-parity runs."""

from pathlib import Path

import onnx

from tests.attacks.attack import Attack
from tests.attacks.bundles import DECODER_FILE, ENCODER_FILE, tiny, with_file
from tests.attacks.entries import original
from tests.attacks.graphs import outside_weight
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    bundle = tiny(folder)
    for graph, file in (("decoder", DECODER_FILE), ("encoder_classifier", ENCODER_FILE)):
        model = onnx.load_model_from_string((bundle / file).read_bytes())
        if graph == "decoder":
            outside_weight(model, "outside/secret")
        with_file(bundle, f"checkpoint/{graph}.onnx", model.SerializeToString())
    return bundle


CASE = Attack(make, original, BundleError, "external data", after="CVE-2022-25882")
