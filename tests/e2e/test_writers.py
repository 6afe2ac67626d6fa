"""The trials of killed writers and full disks, small; `make torture` has them in full, with training and export."""

import io
import os
from pathlib import Path

import pytest

from tools.torture import full_disks, kills
from tools.torture.trial import Trial

TINY = Path(__file__).parents[1] / "runtime/tiny"

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="this system has no /proc")


def broken(trials: list[Trial]) -> list[str]:
    return [f"{trial.name}: {trial.measured}" for trial in trials if trial.holds is False]


def test_killed_writers_leave_the_old_or_the_new_and_no_litter() -> None:
    trials = kills.run(16, parts=("dataset", "generate"), bundle=TINY)

    assert broken(trials) == []
    assert [trial.count for trial in trials] == [8, 8]


def test_full_disk_at_any_write_leaves_what_stood_there() -> None:
    trials = full_disks.run(24, parts=("dataset", "generate"), bundle=TINY)

    assert broken(trials) == []
    assert sum(trial.count for trial in trials) == 24


@pytest.mark.parametrize("trial", [kills, full_disks])
def test_writer_that_writes_in_place_is_found(trial: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """The trials can fail: here is a writer as they are often written."""

    def in_place(path: str | os.PathLike[str], write: object) -> Path:
        content = io.BytesIO()
        write(content)  # type: ignore[operator]
        Path(path).parent.mkdir(exist_ok=True)
        with Path(path).open("wb") as file:
            file.write(content.getvalue()[:100])
            file.flush()
            os.fsync(file.fileno())
            file.write(content.getvalue()[100:])
        return Path(path)

    monkeypatch.setattr("vaeport.images.pictures.write_atomic", in_place)

    trials = trial.run(8, parts=("generate",), bundle=TINY)  # type: ignore[attr-defined]

    assert broken(trials) != []
