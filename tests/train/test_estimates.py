import numpy as np
import pytest
import torch

from vaeport_train.evaluation.estimates import difference_estimate, stratified_subset

LABELS = np.repeat([0, 1, 2], [60, 30, 10])


def _values() -> tuple[torch.Tensor, torch.Tensor]:
    """Rough values, and exact ones that lie off by more in one class than in another."""
    rng = np.random.default_rng(0)
    rough = rng.normal(80, 10, 100)
    return torch.tensor(rough), torch.tensor(rough - 1 - LABELS - rng.normal(0, 0.3, 100))


def test_subset_has_each_class_in_its_share() -> None:
    rows = stratified_subset(LABELS, 50, np.random.default_rng(0))

    assert np.bincount(LABELS[rows]).tolist() == [30, 15, 5]
    assert len(np.unique(rows)) == 50


def test_subset_has_two_of_every_class_or_all_it_has() -> None:
    labels = np.array([0] * 100 + [1] * 3 + [2])

    rows = stratified_subset(labels, 10, np.random.default_rng(0))

    assert np.bincount(labels[rows]).tolist() == [10, 2, 1]


@pytest.mark.parametrize("count", [100, 5000])
def test_subset_is_everything_where_there_are_no_more(count: int) -> None:
    assert stratified_subset(LABELS, count, np.random.default_rng(0)).tolist() == list(range(100))


def test_everything_drawn_is_exact() -> None:
    rough, exact = _values()

    found = difference_estimate(rough, exact, np.arange(100), LABELS)

    assert found.mean == pytest.approx(exact.mean().item())
    assert found.subset_error == 0
    assert found.images_error == pytest.approx(rough.std().item() / 10)


def test_estimates_of_many_subsets_lie_around_the_truth_as_the_error_says() -> None:
    rough, exact = _values()
    found = []
    for seed in range(400):
        rows = stratified_subset(LABELS, 30, np.random.default_rng(seed))
        found.append(difference_estimate(rough, exact[torch.from_numpy(rows)], rows, LABELS))

    means = np.array([estimate.mean for estimate in found])
    error = np.sqrt(np.mean([estimate.subset_error**2 for estimate in found]))
    assert means.mean() == pytest.approx(exact.mean().item(), abs=4 * error / 20)
    assert means.std() == pytest.approx(error, rel=0.15)


def test_single_image_tells_nothing_of_others() -> None:
    one = torch.tensor([80.0], dtype=torch.float64)

    found = difference_estimate(one, one - 1, np.array([0]), np.array([3]))

    assert (found.mean, found.images_error, found.subset_error) == (79, None, 0)
