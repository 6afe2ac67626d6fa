import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.train.small import NARROW, narrow_config
from vaeport.contract import Shapes
from vaeport.errors import InputError
from vaeport.model.latents import latents
from vaeport_train.cli import main
from vaeport_train.data import Dataset, Split
from vaeport_train.evaluation import Judge, JudgeRecipe, conditional_accuracy, load_judge, save_judge, train_judge
from vaeport_train.networks.vae import ConditionalVAE
from vaeport_train.running.checkpoint import load_safetensors, save_safetensors

QUICK = JudgeRecipe(epochs=1, widths=(8, 8, 8), batch_size=25)


@pytest.fixture(scope="module")
def digit_judge(mnist_5k: Dataset) -> Judge:
    return train_judge(mnist_5k, JudgeRecipe(epochs=3, widths=(16, 24, 32), batch_size=64))


@pytest.fixture
def quick_judge(digits: Dataset) -> Judge:
    return train_judge(digits, QUICK)


def test_judge_learns_to_read_digits(digit_judge: Judge) -> None:
    record = digit_judge.record

    assert record.accuracy > 0.9
    assert (record.measured_on, record.measured_images, record.training_images) == ("held-out", 500, 4500)
    assert record.accuracy == pytest.approx(1 - record.errors / 500)


@pytest.mark.parametrize("hold_out", [False, True])
def test_test_images_are_measured_unless_a_recipe_is_being_chosen(hold_out: bool, digits: Dataset) -> None:
    with_test = dataclasses.replace(digits, test=digits.development.take(np.arange(7)))

    record = train_judge(with_test, QUICK, hold_out=hold_out).record

    expected = ("held-out", 100, 500) if hold_out else ("test", 7, 600)
    assert (record.measured_on, record.measured_images, record.training_images) == expected


@pytest.mark.parametrize("shape", [(3, 13, 9), (1, 1, 1), (1, 5, 40)])
def test_images_of_any_size_can_be_judged(shape: tuple[int, int, int], digits: Dataset, tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (60, *shape), np.uint8)
    own = dataclasses.replace(
        digits, development=Split(pixels, np.arange(60) % 3), class_names=("a", "b", "c"), held_out=12
    )
    judge = train_judge(own, QUICK)
    save_judge(tmp_path / "judge.safetensors", judge)

    logits = load_judge(tmp_path / "judge.safetensors").network(torch.zeros(2, *shape))

    assert logits.shape == (2, 3)


def test_same_recipe_gives_the_same_judge_whatever_was_drawn_before(digits: Dataset, quick_judge: Judge) -> None:
    torch.manual_seed(99)
    expected_next = torch.rand(1)
    torch.manual_seed(99)

    again = train_judge(digits, QUICK)

    assert again.record == quick_judge.record
    assert torch.rand(1) == expected_next


def test_judge_on_disk_is_the_judge(quick_judge: Judge, digits: Dataset, tmp_path: Path) -> None:
    save_judge(tmp_path / "judge.safetensors", quick_judge)
    image = torch.from_numpy(digits.development.images[:20]).float() / 255

    read = load_judge(tmp_path / "judge.safetensors")

    assert read.record == quick_judge.record
    assert torch.equal(read.network(image), quick_judge.network(image))


def test_judge_whose_weights_were_changed_is_refused(quick_judge: Judge, tmp_path: Path) -> None:
    path = tmp_path / "judge.safetensors"
    save_judge(path, quick_judge)
    tensors, metadata = load_safetensors(path)
    tensors["head.bias"] += 1
    save_safetensors(path, tensors, metadata)

    with pytest.raises(InputError, match="not those that were measured"):
        load_judge(path)


def test_weights_of_a_model_are_no_judge(finished_run: Path) -> None:
    with pytest.raises(InputError, match=r"model\.safetensors is no judge"):
        load_judge(finished_run / "model.safetensors")


class _Drawing(torch.nn.Module):
    """A decoder that draws a digit of the class asked for, or of one further on, and keeps the latents it saw."""

    def __init__(self, images: Tensor, *, off: int) -> None:
        super().__init__()
        self.off, self.seen = off, list[Tensor]()
        self.logits = images.clamp(1e-4, 1 - 1e-4).logit()

    def forward(self, z: Tensor, class_probs: Tensor) -> Tensor:
        self.seen.append(z)
        return self.logits[(class_probs.argmax(1) + self.off) % 10]


def _drawing(judge: Judge, split: Split, *, off: int = 0) -> tuple[ConditionalVAE, _Drawing]:
    """A network that draws, of each class, the first image that the judge reads right."""
    images, labels = torch.from_numpy(split.images[:500]).float() / 255, torch.from_numpy(split.labels[:500])
    read = judge.network(images).argmax(1)
    chosen = torch.stack([images[(labels == k) & (read == k)][0] for k in range(10)])
    network, decoder = ConditionalVAE(narrow_config().network, Shapes((1, 28, 28), 4, 10)), _Drawing(chosen, off=off)
    network.add_module("decoder", decoder)
    return network, decoder


@pytest.mark.parametrize(("off", "accuracy"), [(0, 1.0), (1, 0.0)])
def test_accuracy_is_the_share_drawn_as_asked(off: int, accuracy: float, digit_judge: Judge, mnist_5k: Dataset) -> None:
    network, _ = _drawing(digit_judge, mnist_5k.development, off=off)

    found = conditional_accuracy(network, digit_judge, images=40)

    assert (found.accuracy, found.accuracy_by_class, found.images) == (accuracy, (accuracy,) * 10, 40)
    assert found.judge == digit_judge.record


def test_images_are_drawn_from_the_contracts_latents(digit_judge: Judge, mnist_5k: Dataset) -> None:
    network, decoder = _drawing(digit_judge, mnist_5k.development)

    conditional_accuracy(network, digit_judge, images=1003, seed=5)

    np.testing.assert_array_equal(torch.cat(decoder.seen).numpy(), latents(5, 1003, 4))


@pytest.mark.parametrize("shapes", [Shapes((1, 28, 24), 4, 10), Shapes((1, 28, 28), 4, 9)])
def test_judge_of_other_images_or_classes_is_refused(shapes: Shapes, quick_judge: Judge) -> None:
    with pytest.raises(InputError, match="train a judge on the model's own kind of data"):
        conditional_accuracy(ConditionalVAE(narrow_config().network, shapes), quick_judge)


def test_command_trains_a_judge_that_evaluate_takes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    judge = tmp_path / "judge.safetensors"
    settings = [f"--set={setting}" for setting in (*NARROW, "training.epochs=1", "training.batch_size=500")]
    assert main(["fit", *settings, "-o", str(tmp_path / "run")]) == 0
    capsys.readouterr()
    assert main(["judge", "-o", str(judge), "--epochs", "1", "--json"]) == 0
    accuracy = json.loads(capsys.readouterr().out)["accuracy"]

    code = main(["evaluate", str(tmp_path / "run"), "--judge", str(judge), "--judged-images", "100"])

    told = f"a judge that is right on {100 * accuracy:.2f} % of 500 held-out images of mnist-5k"
    assert (code, told in capsys.readouterr().out) == (0, True)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["judge", "-o", "{tmp}"], "is a folder"),
        (["evaluate", "{run}", "--judge", "{tmp}/none"], "train a judge with `vaeport-train judge"),
        (["evaluate", "{run}", "--judge", "{run}/model.safetensors"], "is no judge"),
    ],
)
def test_unusable_judge_is_one_line(
    arguments: list[str], problem: str, run_copy: Path, tmp_path: Path, one_line_error: Callable[[], str]
) -> None:
    assert main([a.format(tmp=tmp_path, run=run_copy) for a in arguments]) == 2
    assert problem in one_line_error()
