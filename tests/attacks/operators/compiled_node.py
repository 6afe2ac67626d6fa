"""Carry a compiled part for an accelerator, which its driver runs: an EPContext node that names a file."""

from pathlib import Path

from onnx import ModelProto, helper

from tests.attacks.attack import Attack, secret_of
from tests.attacks.entries import load
from tests.attacks.graphs import node, with_decoder
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    def change(model: ModelProto) -> None:
        model.opset_import.append(helper.make_opsetid("com.microsoft", 1))
        model.graph.node[-1].output[0] = "honest"
        path = str(secret_of(folder))
        compiled = node("EPContext", ["honest"], ["image"], domain="com.microsoft", embed_mode=0, ep_cache_context=path)
        model.graph.node.append(compiled)

    return with_decoder(folder, change)


CASE = Attack(make, load, BundleError, "com.microsoft")
