"""A run folder begins in one step or not at all, and one that has begun can always go on."""

import os
from pathlib import Path

import pytest

from tests.train.small import contents, narrow_run
from vaeport.common import passing
from vaeport.common.fileio import write_text
from vaeport.errors import InputError, OutputError
from vaeport_train.data import Dataset
from vaeport_train.running import run as run_module
from vaeport_train.running import trainer
from vaeport_train.running.checkpoint import save_record
from vaeport_train.running.run import check_folder, resume

NO_SPACE = OSError(28, os.strerror(28))


def failing(*_: object, **__: object) -> None:
    raise NO_SPACE


@pytest.mark.parametrize("existed", [False, True])
@pytest.mark.parametrize("step", ["save_record", "_save_examples"])
def test_full_disk_before_the_run_begins_leaves_nothing(
    step: str, existed: bool, digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    if existed:
        run.mkdir()
    monkeypatch.setattr(run_module, step, failing)

    with pytest.raises(OutputError, match="No space left on device; nothing was changed there$"):
        narrow_run(run, digits)

    assert run.exists() is existed
    assert len(list(tmp_path.rglob("*"))) == existed


@pytest.mark.parametrize("existed", [False, True])
@pytest.mark.parametrize("error", [InputError("no fit"), KeyboardInterrupt(), SystemExit(143), MemoryError()])
def test_run_that_cannot_begin_leaves_nothing(
    error: BaseException, existed: bool, digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    if existed:
        run.mkdir()

    def refuse(*_: object, **__: object) -> None:
        assert (run / "config.json").exists()
        raise error

    monkeypatch.setattr(run_module, "new_state", refuse)

    with pytest.raises(type(error)):
        narrow_run(run, digits)

    assert run.exists() is existed
    assert len(list(tmp_path.rglob("*"))) == existed


def test_empty_folder_stays_the_folder_that_it_was(
    digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    number = tmp_path.stat().st_ino

    narrow_run(Path(), digits, "training.epochs=1")

    assert tmp_path.stat().st_ino == number
    assert (tmp_path / "config.json").exists()
    assert list(tmp_path.glob(".*")) == []


@pytest.mark.parametrize("step", ["save_samples", "save_weights", "save_state", "save_film", "log_epochs"])
def test_full_disk_while_training_says_how_to_go_on(
    step: str, finished_run: Path, digits: Dataset, tmp_path: Path
) -> None:
    run = tmp_path / "run"

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer, step, failing)
        with pytest.raises(OutputError, match=f"the run is kept, go on with: vaeport-train resume {run}$") as caught:
            narrow_run(run, digits, "training.epochs=3")
    assert "No space left on device" in str(caught.value)

    resume(run, digits)

    same = {"model.safetensors", "trainer.safetensors", "samples.png", "losses.png", "training.gif", "config.json"}
    ended, whole = contents(run), contents(finished_run)
    assert set(ended) == set(whole)
    assert [name for name in same if ended[name] != whole[name]] == []


def test_run_that_another_process_began_meanwhile_is_left(
    digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, real = tmp_path / "run", save_record

    def late(place: Path, record: object) -> None:
        run.mkdir()
        (run / "config.json").write_text("another's")
        real(place, record)  # type: ignore[arg-type]

    monkeypatch.setattr(run_module, "save_record", late)

    with pytest.raises(OutputError, match="nothing was changed there"):
        narrow_run(run, digits)

    assert (run / "config.json").read_text() == "another's"
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_what_a_killed_run_left_before_it_began_is_no_hindrance(tmp_path: Path) -> None:
    left = tmp_path / f".config.json.{passing._machine()}-00000001-{'0' * 16}.vaeport-tmp"
    left.write_text("half")

    check_folder(tmp_path)

    assert list(tmp_path.iterdir()) == []


def test_folder_that_holds_something_is_still_refused(tmp_path: Path) -> None:
    write_text(tmp_path / ".hidden", "mine")

    with pytest.raises(InputError, match="is not empty; choose another folder"):
        check_folder(tmp_path)
