from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.export.material import edit_onnx, sealed_again
from tests.export.test_defects import swap_two_classes
from vaeport.bundle.opening import open_bundle
from vaeport.contract import CLASS_PROBS
from vaeport_export.bundle.probes import DOUBTFUL_ROWS, doubtful_rows
from vaeport_export.bundle.subject import subject_of
from vaeport_parity.asking.steps import Plan, fewer_steps, make_plan
from vaeport_parity.comparison import compare
from vaeport_train.data import load_dataset

ENCODER, DOUBTFUL = "encoder_classifier", "doubtful"


@pytest.fixture(scope="module")
def images() -> np.ndarray[Any, np.dtype[np.uint8]]:
    return load_dataset("mnist-5k").development.images[:600]


def plan_of(bundle: Path, images: Any = None) -> Plan:
    return make_plan(subject_of(open_bundle(bundle), images=images))


def test_doubtful_rows_are_those_with_the_least_lead() -> None:
    probs = np.array([[0.5, 0.4, 0.1], [0.1, 0.0, 0.9], [0.3, 0.35, 0.35], [0.2, 0.5, 0.3], [0.2, 0.7, 0.1]] * 3)

    assert doubtful_rows(probs).tolist() == [2, 7, 12, 0]
    assert doubtful_rows(probs, most=2).tolist() == [2, 7]


def lead(plan: Plan, name: str) -> np.ndarray[Any, Any]:
    rows = len(plan.subject.input_set(ENCODER, name))
    probs = np.sort(plan.expectations.of(ENCODER, name, 0, rows).native[CLASS_PROBS], axis=1)
    return np.asarray(probs[:, -1] - probs[:, -2])


def test_most_doubtful_of_the_given_images_are_asked_together_and_alone(bundles: Path, images: Any) -> None:
    plan = plan_of(bundles / "narrow", images)

    least = sorted(lead(plan, "test"))[:DOUBTFUL_ROWS]
    np.testing.assert_allclose(np.sort(lead(plan, DOUBTFUL)), least, atol=1e-5)
    steps = [(step.start, step.stop) for step in plan.steps if step.inputs == DOUBTFUL]
    assert steps == [(0, DOUBTFUL_ROWS), *((row, row + 1) for row in range(DOUBTFUL_ROWS))]


def test_without_images_the_recorded_ones_are_chosen_from_and_no_noise(bundles: Path) -> None:
    plan = plan_of(bundles / "narrow")
    recorded = plan.subject.input_set(ENCODER, "pixels").values()["image"]

    doubtful = plan.subject.input_set(ENCODER, DOUBTFUL).inputs["image"]

    rows = [int(np.flatnonzero((recorded == image).all(axis=(1, 2, 3)))[0]) for image in doubtful]
    assert plan.given_samples == 0
    assert max(rows) < len(recorded) - 13


def test_images_are_counted_once_and_slow_backends_get_fewer(bundles: Path, images: Any) -> None:
    plan, without = plan_of(bundles / "narrow", images), plan_of(bundles / "narrow")

    assert plan.samples == without.samples + 600
    assert (plan.given_samples, fewer_steps(plan, slow=True).given_samples) == (600, 500)


def test_flips_are_told_by_set_and_an_image_counts_once(copy: Path, images: Any) -> None:
    edit_onnx(copy, ENCODER, swap_two_classes)

    subject = subject_of(open_bundle(sealed_again(copy)), images=images)
    report = compare(subject, ["onnxruntime-all"], isolated=False, locate=False)

    row = next(row for row in report.of("onnxruntime-all") if row.output == CLASS_PROBS)
    flips = row.flips_by_set
    assert set(flips) == set(row.by_set) == {"probes", "hard", "pixels", "doubtful", "test"}
    assert 0 < flips["pixels"] < flips["probes"]
    assert 0 < flips["doubtful"] < flips["test"]
    assert row.flips is not None
    assert max(flips.values()) <= row.flips <= flips["probes"] + flips["hard"] + flips["test"]
