import dataclasses
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.train.small import NARROW, contents, metrics_without_time, narrow_run
from vaeport.errors import InputError
from vaeport_train.data import Dataset
from vaeport_train.running import trainer
from vaeport_train.running.run import resume

SAME = ("model.safetensors", "trainer.safetensors", "samples.png", "losses.png", "examples.npz", "config.json")
"""Files that an interrupted run must end with as if it had never stopped."""


def assert_same_run(run: Path, reference: Path) -> None:
    assert set(contents(run)) == set(contents(reference))
    assert [name for name in SAME if (run / name).read_bytes() != (reference / name).read_bytes()] == []
    assert metrics_without_time(run) == metrics_without_time(reference)


@pytest.mark.parametrize("dies_in", ["save_samples", "save_weights", "save_state"])
@pytest.mark.parametrize("epochs_done", [0, 1, 2])
def test_stopped_run_ends_as_if_it_had_never_stopped(
    epochs_done: int, dies_in: str, finished_run: Path, digits: Dataset, tmp_path: Path
) -> None:
    real, calls = getattr(trainer, dies_in), 0

    def die(*arguments: object, **options: object) -> None:
        nonlocal calls
        calls += 1
        if calls > epochs_done:
            raise KeyboardInterrupt
        real(*arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer, dies_in, die)
        with pytest.raises(KeyboardInterrupt):
            narrow_run(tmp_path / "run", digits, "training.epochs=3")
    assert (tmp_path / "run" / "trainer.safetensors").exists() is (epochs_done > 0)

    resume(tmp_path / "run", digits)

    assert_same_run(tmp_path / "run", finished_run)


def test_run_that_died_before_its_examples_still_gets_them(finished_run: Path, digits: Dataset, tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / "config.json").write_bytes((finished_run / "config.json").read_bytes())

    resume(run, digits)

    assert_same_run(run, finished_run)


def test_killed_process_resumes_to_the_same_end(tmp_path: Path) -> None:
    settings = [f"--set={setting}" for setting in (*NARROW, "training.epochs=3")]
    command = [sys.executable, "-m", "vaeport_train", "fit", *settings]
    subprocess.run([*command, "-o", str(tmp_path / "whole")], check=True, capture_output=True)
    with subprocess.Popen([*command, "-o", str(tmp_path / "killed")], stdout=subprocess.DEVNULL) as process:
        while not (tmp_path / "killed" / "trainer.safetensors").exists() and process.poll() is None:
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL

    resume_command = [sys.executable, "-m", "vaeport_train", "resume", str(tmp_path / "killed")]
    subprocess.run(resume_command, check=True, capture_output=True)

    for name in SAME:
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert metrics_without_time(tmp_path / "killed") == metrics_without_time(tmp_path / "whole")


def test_finished_run_is_not_changed_by_resuming(run_copy: Path, digits: Dataset) -> None:
    before = contents(run_copy)

    resume(run_copy, digits)

    assert contents(run_copy) == before


def test_resuming_with_fewer_images_is_refused(run_copy: Path, digits: Dataset) -> None:
    fewer = dataclasses.replace(digits, held_out=90)

    with pytest.raises(InputError, match="began with 500 training images.*, now there are 510"):
        resume(run_copy, fewer)


def test_resuming_with_other_data_of_the_same_size_is_refused(run_copy: Path, digits: Dataset) -> None:
    other = dataclasses.replace(digits, name="fashion", class_names=tuple("abcdefghij"))

    with pytest.raises(InputError, match="fashion"):
        resume(run_copy, other)


def test_resuming_what_is_no_run_is_refused(tmp_path: Path, digits: Dataset) -> None:
    with pytest.raises(InputError, match=r"is no run folder: it holds no config\.json"):
        resume(tmp_path, digits)
