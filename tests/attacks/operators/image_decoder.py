"""Decode an image inside the graph, by a library that no limit of ours guards."""

from pathlib import Path

import numpy as np
from onnx import ModelProto

from tests.attacks.attack import Attack
from tests.attacks.entries import load
from tests.attacks.graphs import constant, node, with_decoder
from vaeport.errors import BundleError


def make(folder: Path) -> Path:
    def change(model: ModelProto) -> None:
        model.opset_import[0].version = 20
        model.graph.initializer.append(constant("file", np.frombuffer(b"BM" + bytes(62), np.uint8)))
        model.graph.node.append(node("ImageDecoder", ["file"], ["decoded"], pixel_format="RGB"))

    return with_decoder(folder, change)


CASE = Attack(make, load, BundleError, "ImageDecoder")
