import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.train.small import narrow_config
from vaeport.contract import Shapes
from vaeport.errors import InputError, LabelError
from vaeport_train.data import Dataset
from vaeport_train.evaluation import evaluate, wilson_interval
from vaeport_train.evaluation.measure import MeasureOptions, evaluate_run, load_evaluation
from vaeport_train.networks.vae import ConditionalVAE
from vaeport_train.running.checkpoint import load_checkpoint


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [
        (0, 100, 0.0, 0.036993),
        (100, 100, 0.963007, 1.0),
        (39, 1000, 0.028659, 0.052869),
        (5, 10, 0.236593, 0.763407),
        (0, 1, 0.0, 0.793451),
    ],
)
def test_wilson_interval_is_the_known_one(successes: int, n: int, low: float, high: float) -> None:
    assert wilson_interval(successes, n) == pytest.approx((low, high), abs=2e-6)


@pytest.mark.parametrize(("successes", "n"), [(1, 40), (13, 97), (390, 10000)])
def test_wilson_interval_ends_where_the_score_test_rejects(successes: int, n: int) -> None:
    for bound in wilson_interval(successes, n):
        score = abs(successes / n - bound) / np.sqrt(bound * (1 - bound) / n)
        assert score == pytest.approx(1.959963984540054)


def untrained(seed: int = 0) -> ConditionalVAE:
    torch.manual_seed(seed)
    return ConditionalVAE(narrow_config().network, Shapes((1, 28, 28), 4, 10))


def test_untrained_network_guesses(mnist_5k: Dataset) -> None:
    figures = evaluate(untrained(), mnist_5k.development, narrow_config().objective)

    assert figures.images == 5000
    assert 0.8 < figures.classification_error < 0.97
    assert figures.cross_entropy == pytest.approx(np.log(10), rel=0.1)


def test_same_seed_gives_the_same_figures(digits: Dataset) -> None:
    first, second, other = (
        evaluate(untrained(), digits.development, narrow_config().objective, seed=seed) for seed in (3, 3, 4)
    )

    assert first == second
    assert first.vae_loss != other.vae_loss


def test_figures_agree_with_each_other(finished_run: Path, digits: Dataset) -> None:
    network, objective = load_checkpoint(finished_run).network, narrow_config(preset="blog").objective

    figures = evaluate(network, digits.development, objective)

    assert figures.vae_loss == pytest.approx(figures.reconstruction + figures.kl)
    assert figures.classification_loss == pytest.approx(10 * figures.cross_entropy)
    assert figures.classification_error == figures.classification_errors / figures.images
    low, high = figures.classification_error_95
    assert low < figures.classification_error < high


def test_error_is_the_share_of_wrong_answers(finished_run: Path, digits: Dataset) -> None:
    network, whole = load_checkpoint(finished_run).network, digits.development
    with torch.no_grad():
        best = network.classify(torch.from_numpy(whole.images).float() / 255).argmax(1).numpy()

    figures = evaluate(network, whole, narrow_config().objective)

    assert figures.classification_errors == int((best != whole.labels).sum())


def test_evaluation_measures_both_splits_and_keeps_them(run_copy: Path, digits: Dataset) -> None:
    figures = evaluate_run(run_copy, digits)

    assert {name: value.images for name, value in figures.items()} == {"mnist-5k train": 500, "mnist-5k held-out": 100}
    assert load_evaluation(run_copy)["mnist-5k train"]["vae_loss"] == figures["mnist-5k train"].vae_loss


def test_held_out_figures_are_those_of_the_last_epoch(run_copy: Path, digits: Dataset) -> None:
    last = json.loads((run_copy / "metrics.jsonl").read_text().splitlines()[-1])

    figures = evaluate_run(run_copy, digits)["mnist-5k held-out"]

    assert figures.classification_error == last["held_out"]["classification_error"]
    assert figures.vae_loss == pytest.approx(last["held_out"]["vae_loss"], rel=1e-6)


def test_another_evaluation_is_merged_in(run_copy: Path, digits: Dataset) -> None:
    evaluate_run(run_copy, digits)
    other = dataclasses.replace(digits, name="other", test=digits.development.take(np.arange(50)))

    figures = evaluate_run(run_copy, other)

    assert list(figures) == ["other test"]
    assert list(load_evaluation(run_copy)) == ["mnist-5k train", "mnist-5k held-out", "other test"]


def test_data_with_other_classes_is_refused(run_copy: Path, digits: Dataset) -> None:
    with pytest.raises(LabelError, match="knows 0, 1"):
        evaluate_run(run_copy, dataclasses.replace(digits, class_names=tuple("abcdefghij")))


def test_foreign_data_without_test_images_is_refused(run_copy: Path, digits: Dataset) -> None:
    with pytest.raises(InputError, match="other has no test images"):
        evaluate_run(run_copy, dataclasses.replace(digits, name="other"))


def test_dimension_that_never_leaves_the_prior_has_collapsed(digits: Dataset) -> None:
    config = narrow_config(preset="blog")
    network = ConditionalVAE(config.network, Shapes((1, 28, 28), 4, 10))
    with torch.no_grad():
        last = list(network.encoder.parameters())[-2:]
        for parameter in last:
            parameter[0], parameter[4] = 0, 0

    by_dimension = evaluate(network, digits.development, config.objective).kl_by_dimension

    assert by_dimension[0] < 1e-6
    assert min(by_dimension[1:]) > 1e-4


def test_test_images_are_left_alone_while_choosing(run_copy: Path, digits: Dataset) -> None:
    with_test = dataclasses.replace(digits, test=digits.development.take(np.arange(50)))

    figures = evaluate_run(run_copy, with_test, MeasureOptions(splits=("held-out",)))

    assert list(figures) == list(load_evaluation(run_copy)) == ["mnist-5k held-out"]


def test_split_that_the_data_lacks_is_named(run_copy: Path, digits: Dataset) -> None:
    with pytest.raises(InputError, match="has no test images; it has train, held-out"):
        evaluate_run(run_copy, digits, MeasureOptions(splits=("test",)))
