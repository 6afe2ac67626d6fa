from pathlib import Path

import numpy as np
import pytest

from tests.train.test_conv import NARROW
from vaeport import load, verify
from vaeport_export.pipeline import ExportOptions, export_bundle
from vaeport_train.data import load_dataset
from vaeport_train.presets import load_preset
from vaeport_train.run import fit

IMAGE = (3, 12, 16)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A convolutional network of colour images that are no squares, trained for an epoch and exported."""
    folder = tmp_path_factory.mktemp("conv")
    rng = np.random.default_rng(0)
    labels = np.arange(90) % 3
    images = rng.integers(0, 80, (90, *IMAGE), np.uint8)
    images[np.arange(90), labels, 2:9, 3:11] = 250
    names = np.array(["red", "green", "blue"])
    np.savez(folder / "colours.npz", images=images, labels=labels, class_names=names)
    config = load_preset("conv", [*NARROW, "training.epochs=1"])
    run = fit(folder / "run", "conv", config, load_dataset(folder / "colours.npz"))
    export_bundle(run, folder / "bundle", ExportOptions("colours"))
    return folder / "bundle"


def test_bundle_answers_as_pytorch_does(bundle: Path) -> None:
    assert verify(bundle).holds


@pytest.mark.parametrize("n", [0, 1, 5])
def test_runtime_takes_its_images_and_labels(n: int, bundle: Path) -> None:
    model = load(bundle)

    drawn = model.generate("green", n, seed=1)

    assert drawn.pixels.shape == (n, *IMAGE)
    assert len(model.classify(drawn.pixels)) == n
    assert model.labels == ("red", "green", "blue")
