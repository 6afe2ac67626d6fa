"""ONNX files of the networks, written once."""

import warnings
from pathlib import Path

import pytest
import torch

from tests.parity.networks import Centred, Classifier, Tagger, seeded, write_onnx


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of `classifier.onnx`, `tagger.onnx` and `centred.onnx`."""
    folder = tmp_path_factory.mktemp("networks")
    features, tokens = torch.ones(2, 6), torch.ones(2, 5, dtype=torch.int64)
    outputs, axes = ["probs", "label", "sure"], {0: "batch", 1: "length"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's exporter warns of its own deprecations
        write_onnx(seeded(Classifier()), folder / "classifier.onnx", features, ["features"], outputs, {0: "batch"})
        write_onnx(seeded(Tagger()), folder / "tagger.onnx", tokens, ["tokens"], ["tags"], axes)
        write_onnx(Centred().eval(), folder / "centred.onnx", torch.ones(2, 3), ["x"], ["y"], {0: "batch"})
    return folder
