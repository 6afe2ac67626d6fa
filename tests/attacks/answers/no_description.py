"""Leave out what the graph says of itself, so that nothing contradicts the manifest's labels."""

from pathlib import Path

from onnx import ModelProto

from tests.attacks.attack import Attack
from tests.attacks.bundles import with_manifest
from tests.attacks.entries import load
from tests.attacks.graphs import with_encoder
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    def change(model: ModelProto) -> None:
        del model.metadata_props[:]

    bundle = with_encoder(folder, change)
    return with_manifest(bundle, lambda values: values["labels"].reverse())


CASE = Attack(make, load, BundleError, "vaeport\\.|metadata")
