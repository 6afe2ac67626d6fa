import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.train.small import few_digits, narrow_run
from vaeport_train.data import Dataset, load_dataset


@pytest.fixture(scope="session")
def mnist_5k() -> Dataset:
    return load_dataset("mnist-5k")


@pytest.fixture(scope="session")
def digits() -> Dataset:
    return few_digits()


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory: pytest.TempPathFactory, digits: Dataset) -> Path:
    """A narrow run of three epochs that was never stopped. Only to be read."""
    return narrow_run(tmp_path_factory.mktemp("runs") / "finished", digits, "training.epochs=3")


@pytest.fixture
def run_copy(finished_run: Path, tmp_path: Path) -> Path:
    """The finished run in a place where it may be damaged."""
    return Path(shutil.copytree(finished_run, tmp_path / "copy"))


@pytest.fixture
def one_line_error(capsys: pytest.CaptureFixture[str]) -> Callable[[], str]:
    """The one line that a failed command left on stderr, nothing on stdout."""

    def read() -> str:
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err.count("\n") == 1, captured.err
        return captured.err

    return read
