"""The scale for unusual images on its way from the evaluated run to the runtime."""

import shutil
from pathlib import Path

import numpy as np
import pytest

import vaeport
from tests.export.material import digits, exported
from vaeport.bundle.opening import open_bundle
from vaeport_train.evaluation.measure import evaluate_run
from vaeport_train.running.checkpoint import load_record
from vaeport_train.running.run import splits_of_run


@pytest.fixture(scope="module", params=["narrow", "blog"])
def evaluated(request: pytest.FixtureRequest, runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an evaluated run, Bernoulli or normal, and its bundle."""
    folder = tmp_path_factory.mktemp("evaluated")
    shutil.copytree(runs / request.param, folder / "run")
    evaluate_run(folder / "run", digits())
    exported(folder / "run", folder / "bundle")
    return folder


def test_held_out_images_spread_evenly_over_the_percentiles(evaluated: Path) -> None:
    _, held_out = splits_of_run(load_record(evaluated / "run").config, digits())

    scores = vaeport.load(evaluated / "bundle", threads=1).anomaly_score(held_out.images)

    # Levels stand 5 percent apart, and between them the scale is straight where 200 images are not.
    np.testing.assert_allclose(np.sort(scores.percentile), np.linspace(0, 100, len(held_out)), atol=2.5)


def test_noise_is_more_unusual_than_nine_held_out_images_in_ten(evaluated: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (20, 28, 28), np.uint8)

    scores = vaeport.load(evaluated / "bundle", threads=1).anomaly_score(noise)

    assert (scores.percentile > 90).all()


def test_scale_stands_in_the_manifest_once(evaluated: Path) -> None:
    manifest = open_bundle(evaluated / "bundle").manifest

    assert manifest.anomaly is not None
    assert (manifest.anomaly.data, manifest.anomaly.images) == ("mnist-5k held-out", 200)
    assert [name for name, figures in manifest.evaluation.items() if "anomaly" in figures] == []


def test_bundle_of_a_run_without_figures_has_no_scale(bundles: Path) -> None:
    assert open_bundle(bundles / "narrow").manifest.anomaly is None
