from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.export.material import edit_onnx, opened, sealed_again
from tests.export.test_defects import swap_two_classes
from vaeport.contract import CLASS_PROBS
from vaeport_export.bundle.probes import DOUBTFUL_ROWS, doubtful_rows
from vaeport_export.bundle.subject import Subject
from vaeport_parity.asking.steps import DOUBTFUL, Questions, fewer_images, questions
from vaeport_parity.comparison import compare_backends
from vaeport_train.data import load_dataset

ENCODER = "encoder_classifier"


@pytest.fixture(scope="module")
def images() -> np.ndarray[Any, np.dtype[np.uint8]]:
    return load_dataset("mnist-5k").development.images[:600]


def test_doubtful_rows_are_those_with_the_least_lead() -> None:
    probs = np.array([[0.5, 0.4, 0.1], [0.1, 0.0, 0.9], [0.3, 0.35, 0.35], [0.2, 0.5, 0.3], [0.2, 0.7, 0.1]] * 3)

    assert doubtful_rows(probs).tolist() == [2, 7, 12, 0]
    assert doubtful_rows(probs, most=2).tolist() == [2, 7]


def lead(asked: Questions, name: str) -> np.ndarray[Any, Any]:
    probs = np.sort(asked.sets[ENCODER, name].expected["float64"][CLASS_PROBS], axis=1)
    return np.asarray(probs[:, -1] - probs[:, -2])


def test_most_doubtful_of_the_given_images_are_asked_together_and_alone(narrow: Subject, images: Any) -> None:
    asked = questions(narrow, images=images)

    assert lead(asked, DOUBTFUL).tolist() == sorted(lead(asked, "test"))[:DOUBTFUL_ROWS]
    steps = [(step.start, step.stop) for step in asked.steps if step.inputs == DOUBTFUL]
    assert steps == [(0, DOUBTFUL_ROWS), *((row, row + 1) for row in range(DOUBTFUL_ROWS))]


def test_without_images_the_recorded_ones_are_chosen_from_and_no_noise(narrow: Subject) -> None:
    asked = questions(narrow)
    recorded = np.asarray(asked.sets[ENCODER, "pixels"].inputs["image"], np.float32) / np.float32(255)

    doubtful = asked.sets[ENCODER, DOUBTFUL].inputs["image"]

    rows = [int(np.flatnonzero((recorded == image).all(axis=(1, 2, 3)))[0]) for image in doubtful]
    assert asked.test_images == 0
    assert max(rows) < len(recorded) - 13


def test_images_are_counted_once_and_slow_backends_get_fewer(narrow: Subject, images: Any) -> None:
    asked, without = questions(narrow, images=images), questions(narrow)

    assert asked.images == without.images + 600
    assert (asked.test_images, fewer_images(asked).test_images) == (600, 500)


def test_flips_are_told_by_set_and_an_image_counts_once(copy: Path, images: Any) -> None:
    edit_onnx(copy, ENCODER, swap_two_classes)

    report = compare_backends(opened(sealed_again(copy)), ["onnxruntime-all"], images=images, isolated=False)

    row = next(row for row in report.of("onnxruntime-all") if row.output == CLASS_PROBS)
    flips = row.flips_by_set
    assert set(flips) == set(row.by_set) == {"probes", "hard", "pixels", "doubtful", "test"}
    assert 0 < flips["pixels"] < flips["probes"]
    assert 0 < flips["doubtful"] < flips["test"]
    assert row.class_flips is not None
    assert max(flips.values()) <= row.class_flips <= flips["probes"] + flips["hard"] + flips["test"]
