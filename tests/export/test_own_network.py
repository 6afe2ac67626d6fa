"""A run of somebody's own network becomes a bundle that needs the author's code no more."""

import shutil
from pathlib import Path

import pytest

import vaeport
import vaeport_train
from tests.export.material import compared
from vaeport_export import export_run

_SOURCE = """
import torch
from torch import nn


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(784, 16), nn.Tanh())
        self.mean, self.logvar = nn.Linear(16, 3), nn.Linear(16, 3)

    def forward(self, image):
        hidden = self.body(image)
        return self.mean(hidden), self.logvar(hidden)


class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(13, 16), nn.ReLU(), nn.Linear(16, 784))

    def forward(self, z, class_probs):
        return self.body(torch.cat([z, class_probs], 1)).view(-1, 1, 28, 28)


class Networks:
    def __init__(self):
        self.encoder = Encoder()
        self.classifier = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
        self.decoder = Decoder()


def build():
    return Networks()
"""


@pytest.fixture(scope="module")
def own_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("own")
    (folder / "my_nets.py").write_text(_SOURCE)
    settings = {"training.epochs": 1}
    vaeport_train.fit(folder / "run", network=f"{folder / 'my_nets.py'}:build", settings=settings, quiet=True)
    export_run(folder / "run", folder / "bundle")
    (folder / "my_nets.py").unlink()
    shutil.rmtree(folder / "run")
    return folder / "bundle"


def test_run_of_an_own_network_verifies_and_draws(own_bundle: Path) -> None:
    assert vaeport.verify(own_bundle).holds
    with vaeport.load(own_bundle) as model:
        assert model.generate("3", 2).pixels.shape == (2, 1, 28, 28)


def test_run_of_an_own_network_is_compared_without_its_code(own_bundle: Path) -> None:
    report = compared(own_bundle, "torch-float32", "onnxruntime-all")

    assert report.holds, str(report)
