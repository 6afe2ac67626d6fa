import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.train.small import contents
from vaeport.bundle.opening import DEFAULT_BUNDLE, shipped_bundles
from vaeport_train.cli import main
from vaeport_train.data import Dataset
from vaeport_train.evaluation import evaluate
from vaeport_train.evaluation.measure import evaluate_run
from vaeport_train.running.checkpoint import load_checkpoint

SHIPPED = shipped_bundles()[DEFAULT_BUNDLE]


@pytest.fixture
def own_digits(digits: Dataset, tmp_path: Path) -> Path:
    """Forty digits as one's own arrays, twenty of them for testing."""
    labels = digits.development.labels
    some = digits.development.take(np.concatenate([np.flatnonzero(labels == k)[:4] for k in range(10)]))
    path = tmp_path / "own.npz"
    images, labels = some.images, some.labels
    np.savez(path, images=images[::2], labels=labels[::2], test_images=images[1::2], test_labels=labels[1::2])
    return path


@pytest.fixture
def bundle_copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SHIPPED, tmp_path / "bundle"))


def test_bundle_has_the_figures_of_its_checkpoint(digits: Dataset) -> None:
    other = dataclasses.replace(digits, name="other", test=digits.development.take(np.arange(30)))
    checkpoint = load_checkpoint(SHIPPED / "checkpoint")

    figures = evaluate_run(DEFAULT_BUNDLE, other)["other test"]

    expected = evaluate(checkpoint.network, other.test or other.development, checkpoint.record.config.objective)
    assert dataclasses.replace(figures, calibration=None) == expected


def test_command_measures_a_bundle_and_leaves_it_sealed(
    bundle_copy: Path, own_digits: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = contents(bundle_copy)

    code = main(["evaluate", str(bundle_copy), "--data", str(own_digits), "--json"])

    assert (code, json.loads(capsys.readouterr().out)["own test"]["images"]) == (0, 20)
    assert contents(bundle_copy) == before


@pytest.mark.parametrize("changed", ["samples.png", "checkpoint/model.safetensors"])
def test_bundle_with_a_broken_seal_is_not_measured(
    changed: str, bundle_copy: Path, own_digits: Path, one_line_error: Callable[[], str]
) -> None:
    content = bytearray((bundle_copy / changed).read_bytes())
    content[-1] ^= 1
    (bundle_copy / changed).write_bytes(content)

    assert main(["evaluate", str(bundle_copy), "--data", str(own_digits)]) == 2
    assert f"broken seal, {changed}" in one_line_error()


def test_bundle_without_its_checkpoint_says_so(bundle_copy: Path, one_line_error: Callable[[], str]) -> None:
    shutil.rmtree(bundle_copy / "checkpoint")

    assert main(["evaluate", str(bundle_copy)]) == 2
    assert "came without its checkpoint/" in one_line_error()
