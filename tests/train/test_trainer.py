import json
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.train.small import contents, few_digits, narrow_config, narrow_run
from vaeport.errors import InputError
from vaeport_train.data import Dataset
from vaeport_train.running.checkpoint import load_checkpoint
from vaeport_train.running.history import load_history
from vaeport_train.running.run import fit, load_examples


def test_same_seed_gives_the_same_weights(tmp_path: Path, digits: Dataset) -> None:
    runs = [narrow_run(tmp_path / name, digits) for name in ("first", "second")]

    first, second = ((run / "model.safetensors").read_bytes() for run in runs)
    assert first == second


def test_another_seed_gives_other_weights(tmp_path: Path, digits: Dataset) -> None:
    runs = [narrow_run(tmp_path / seed, digits, f"training.seed={seed}", "training.epochs=1") for seed in ("0", "1")]

    first, second = ((run / "model.safetensors").read_bytes() for run in runs)
    assert first != second


def test_training_leaves_the_callers_random_numbers_alone(tmp_path: Path, digits: Dataset) -> None:
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)

    narrow_run(tmp_path / "run", digits, "training.epochs=1")

    assert torch.equal(torch.rand(1), expected)


def test_run_folder_holds_what_people_and_programs_need(finished_run: Path) -> None:
    assert set(contents(finished_run)) == {
        "config.json",
        "confusion.png",
        "examples.npz",
        "latents.png",
        "losses.png",
        "metrics.jsonl",
        "model.safetensors",
        "reconstructions.png",
        "samples.png",
        "trainer.safetensors",
        "training.gif",
    }


def test_config_json_tells_where_the_run_came_from(finished_run: Path) -> None:
    config = json.loads((finished_run / "config.json").read_text())

    assert config["preset"] == "mlp"
    assert config["config"] == json.loads(json.dumps(narrow_config("training.epochs=3").to_dict()))
    assert (config["data"]["name"], config["data"]["train_images"], config["data"]["held_out_images"]) == (
        "mnist-5k",
        500,
        100,
    )
    assert config["data"]["labels"] == list("0123456789")
    assert set(config["versions"]) == {"python", "torch", "numpy", "vaeport"}


def test_metrics_have_a_line_an_epoch(finished_run: Path) -> None:
    history = load_history(finished_run, epochs=3)

    assert [(record.epoch, record.step) for record in history] == [(1, 10), (2, 20), (3, 30)]
    assert all(record.seconds > 0 and record.images_per_second > 0 for record in history)
    for record in history:
        assert record.train.vae_loss == pytest.approx(record.train.reconstruction + record.train.kl)
        assert record.held_out.vae_loss == pytest.approx(record.held_out.reconstruction + record.held_out.kl)


def test_examples_are_held_out_images_of_every_class(finished_run: Path, digits: Dataset) -> None:
    _, held_out = digits.split("stratified", held_out=None, seed=0)

    examples = load_examples(finished_run)

    known = {image.tobytes() for image in held_out.images}
    assert all(image.tobytes() in known for image in examples.images)
    assert set(examples.labels.tolist()) == set(range(10))


@pytest.mark.parametrize("preset", ["mlp", "blog"])
def test_two_epochs_learn(preset: str, tmp_path: Path) -> None:
    digits = few_digits(1200, held_out=200)
    settings = ["training.epochs=2", "training.batch_size=20", "training.learning_rate=5e-3"]

    run = narrow_run(tmp_path / "run", digits, *settings, "network.classifier_hidden=[64]", preset=preset)

    first, last = (record.held_out for record in load_history(run, epochs=2))
    assert last.vae_loss < first.vae_loss
    assert last.classification_error < 0.3


def test_wide_blog_halves_its_classification_loss(tmp_path: Path) -> None:
    config = narrow_config("network.classifier_hidden=[128]", "training.epochs=3", preset="blog")

    fit(tmp_path / "run", "blog", config, few_digits(1200, held_out=200))

    history = load_history(tmp_path / "run", epochs=3)
    assert history[-1].held_out.classification_loss < 0.5 * 10 * np.log(10)


@pytest.mark.parametrize("content", ["run", "stranger"])
def test_folder_that_holds_something_is_refused_and_untouched(content: str, run_copy: Path, digits: Dataset) -> None:
    if content == "stranger":
        (run_copy / "config.json").unlink()
    before = contents(run_copy)

    with pytest.raises(InputError, match=r"is not empty.*another folder"):
        narrow_run(run_copy, digits)
    assert contents(run_copy) == before


def test_file_in_the_place_of_the_folder_is_refused(tmp_path: Path, digits: Dataset) -> None:
    (tmp_path / "run").write_text("precious")

    with pytest.raises(InputError, match="choose another folder"):
        narrow_run(tmp_path / "run", digits)
    assert (tmp_path / "run").read_text() == "precious"


def test_empty_folder_is_taken(tmp_path: Path, digits: Dataset) -> None:
    (tmp_path / "run").mkdir()

    assert load_checkpoint(narrow_run(tmp_path / "run", digits, "training.epochs=1")).record.preset == "mlp"
