import math

import pytest

from tests.train.small import narrow_config
from vaeport_train.optimisation.schedule import Schedule


def course(*settings: str, images: int = 1000) -> Schedule:
    return Schedule(narrow_config("training.epochs=1", *settings), images)


@pytest.mark.parametrize("seen", [0, 50, 999])
def test_constant_schedule_is_constant(seen: int) -> None:
    assert course("training.schedule=constant").learning_rate(seen, 1) == 1


@pytest.mark.parametrize(
    ("seen", "share"),
    [(0, 1 / 50), (24, 0.5), (49, 1.0), (50, 1.0), (525, 0.5), (999, 0.5 * (1 + math.cos(math.pi * 949 / 950)))],
    ids=["start", "warming", "warm", "peak", "middle", "end"],
)
def test_cosine_schedule_warms_up_peaks_and_ends_near_zero(seen: int, share: float) -> None:
    assert course("training.schedule=cosine").learning_rate(seen, 1) == pytest.approx(share)


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_cosine_schedule_of_a_tiny_run_stays_positive_and_bounded(steps: int) -> None:
    schedule = course("training.schedule=cosine", images=50 * steps)

    assert all(0 < schedule.learning_rate(50 * step, 50) <= 1 for step in range(steps))


@pytest.mark.parametrize(("seen", "weight"), [(0, 0.2), (400, 0.6), (800, 1.0), (5000, 1.0)])
def test_weight_of_the_kl_rises_over_its_warmup(seen: int, weight: float) -> None:
    assert course("objective.kl_warmup=0.8").kl_weight(seen) == pytest.approx(weight)


def test_weight_of_the_kl_is_one_without_a_warmup() -> None:
    assert course().kl_weight(0) == 1


def test_last_epochs_take_more_samples_of_fewer_images() -> None:
    settings = ("training.importance_epochs=2", "objective.importance_share=0.4", "training.epochs=5")
    schedule = course("objective.importance_samples=5", *settings)

    assert [schedule.samples(epoch) for epoch in range(5)] == [1, 1, 1, 5, 5]
    assert [schedule.vae_share(epoch) for epoch in range(5)] == [1, 1, 1, 0.4, 0.4]


def test_recognition_begins_where_it_is_told_to() -> None:
    schedule = course("objective.recognition_from=0.3")

    assert [schedule.recognises(seen) for seen in (0, 299, 300, 999)] == [False, False, True, True]


def test_distortions_are_gentler_near_the_end() -> None:
    schedule = course("objective.augment=0.8")

    assert [schedule.distortion(seen) for seen in (0, 899, 900, 999)] == [0.8, 0.8, 0.4, 0.4]
