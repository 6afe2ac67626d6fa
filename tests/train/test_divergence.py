import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.train.small import contents, narrow_config, narrow_run
from vaeport.errors import DivergedError
from vaeport_train.data import Dataset
from vaeport_train.running.checkpoint import load_record, save_record
from vaeport_train.running.run import resume
from vaeport_train.running.state import STATE_FILE


def test_divergence_names_epoch_and_step(tmp_path: Path, digits: Dataset) -> None:
    with pytest.raises(
        DivergedError,
        match=r"^the loss is (nan|inf) at step ([0-9]), batch [0-9]+ of epoch 1; nothing is saved yet; try",
    ):
        narrow_run(tmp_path / "run", digits, "training.learning_rate=1e30")


def test_divergence_in_a_later_epoch_keeps_the_state_before(tmp_path: Path, digits: Dataset) -> None:
    run = narrow_run(tmp_path / "run", digits, "training.epochs=1", "training.schedule=constant")
    settings = ("training.epochs=3", "training.schedule=constant", "training.learning_rate=1e30")
    record = load_record(run)
    save_record(run, type(record)(record.preset, narrow_config(*settings), record.data, record.versions))
    before = contents(run)

    with pytest.raises(DivergedError, match="at step 11, batch 2 of epoch 2; the last good checkpoint is of step 10"):
        resume(run, digits)
    assert contents(run) == before


def test_divergence_in_the_last_step_of_an_epoch_is_noticed(tmp_path: Path, digits: Dataset) -> None:
    """The loss of the only step is fine, the weights after it are not."""
    settings = ("training.batch_size=500", "training.epochs=1", "training.learning_rate=1e36")

    with pytest.raises(DivergedError, match="epoch 1"):
        narrow_run(tmp_path / "run", digits, *settings)
    assert not (tmp_path / "run" / "model.safetensors").exists()


def test_saved_weights_are_finite(finished_run: Path) -> None:
    tensors = load_file(finished_run / STATE_FILE)

    assert all(bool(torch.isfinite(tensor).all()) for tensor in tensors.values())


def test_diverged_run_can_begin_again_in_another_folder(tmp_path: Path, digits: Dataset) -> None:
    with pytest.raises(DivergedError):
        narrow_run(tmp_path / "run", digits, "training.learning_rate=1e30")
    shutil.rmtree(tmp_path / "run")

    assert (narrow_run(tmp_path / "run", digits, "training.epochs=1") / "model.safetensors").is_file()
