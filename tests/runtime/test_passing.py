"""What a dead writer left is cleared by the next one to the same folder, and nothing else ever is."""

import fcntl
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from vaeport.common import passing
from vaeport.common.fileio import scratch_folder, staged_folder, write_atomic, write_folder, write_text
from vaeport.common.passing import passing_file
from vaeport.errors import OutputError

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no locks that a writer's death releases")

WRITE_AND_WAIT = """
import sys, time
from pathlib import Path
from vaeport.common.fileio import write_atomic, write_folder

def wait(place):
    if isinstance(place, Path):
        (place / "half").write_text("half")
    else:
        place.write(b"half")
        place.flush()
    print("writing", flush=True)
    time.sleep(60)

{"file": write_atomic, "folder": write_folder}[sys.argv[1]](sys.argv[2], wait)
"""
DAY = 86_400
A_WEEK = 7 * DAY


@contextmanager
def living_writer(kind: str, target: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", WRITE_AND_WAIT, kind, str(target)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "writing\n"
        try:
            yield process
        finally:
            process.kill()


def dead_name(target: Path, *, machine: str | None = None, pid: int = 1) -> Path:
    """A passing name as another process would have left it."""
    return target.with_name(f".{target.name}.{machine or passing._machine()}-{pid:08x}-{'0' * 16}.vaeport-tmp")


def aged(path: Path, seconds: float) -> Path:
    then = time.time() - seconds
    os.utime(path, (then, then))
    return path


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_a_killed_writer_left_is_cleared_by_the_next(kind: str, tmp_path: Path) -> None:
    with living_writer(kind, tmp_path / "answer") as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(".answer.")

    write_text(tmp_path / "other.txt", "new")

    assert [path.name for path in tmp_path.iterdir()] == ["other.txt"]


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_a_living_writer_has_is_left(kind: str, tmp_path: Path) -> None:
    with living_writer(kind, tmp_path / "answer"):
        aged(next(tmp_path.iterdir()), A_WEEK)

        write_text(tmp_path / "other.txt", "new")

        assert len(list(tmp_path.iterdir())) == 2


def test_what_this_process_is_writing_is_left_by_itself(tmp_path: Path) -> None:
    with staged_folder(tmp_path / "set") as stage:
        write_atomic(tmp_path / "a.txt", lambda _: write_text(tmp_path / "b.txt", "inner"))

        assert stage.is_dir()
    assert {path.name for path in tmp_path.iterdir()} == {"a.txt", "b.txt"}


@pytest.mark.parametrize(
    "name",
    [
        "answer.vaeport-tmp",
        ".answer.vaeport-tmp",
        ".answer.12345678-00000001-0000000000000000",
        ".answer.1234567g-00000001-0000000000000000.vaeport-tmp",
        ".answer.12345678-1-0000000000000000.vaeport-tmp",
        "answer.12345678-00000001-0000000000000000.vaeport-tmp",
        ".12345678-00000001-0000000000000000.vaeport-tmp",
        ".answer.0123456789abcdef",
    ],
)
def test_files_with_other_names_are_left(name: str, tmp_path: Path) -> None:
    aged_file = tmp_path / name
    aged_file.write_text("mine")
    aged(aged_file, A_WEEK)

    write_text(tmp_path / "other.txt", "new")

    assert aged_file.read_text() == "mine"


def test_links_and_what_they_lead_to_are_left(tmp_path: Path) -> None:
    place, precious = tmp_path / "place", tmp_path / "precious"
    place.mkdir()
    precious.mkdir()
    (precious / "thesis.tex").write_text("mine")
    links = [dead_name(place / "a"), dead_name(place / "b")]
    links[0].symlink_to(precious)
    links[1].symlink_to(precious / "thesis.tex")

    write_text(place / "other.txt", "new")

    assert all(link.is_symlink() for link in links)
    assert (precious / "thesis.tex").read_text() == "mine"


def test_links_inside_a_dead_folder_are_not_followed(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "thesis.tex").write_text("mine")
    place = tmp_path / "place"
    dead = dead_name(place / "set")
    dead.mkdir(parents=True)
    (dead / "link").symlink_to(precious)

    write_text(place / "other.txt", "new")

    assert [path.name for path in place.iterdir()] == ["other.txt"]
    assert (precious / "thesis.tex").read_text() == "mine"


def test_pipe_with_a_passing_name_is_left_and_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(dead_name(tmp_path / "answer"))

    write_text(tmp_path / "other.txt", "new")

    assert dead_name(tmp_path / "answer").is_fifo()


@pytest.mark.parametrize(("age", "stays"), [(DAY / 2, True), (2 * DAY, False)])
def test_what_another_machine_left_is_cleared_after_a_day(age: float, stays: bool, tmp_path: Path) -> None:
    left = dead_name(tmp_path / "answer", machine="00000000")
    left.write_text("half")
    aged(left, age)

    write_text(tmp_path / "other.txt", "new")

    assert left.exists() == stays


@pytest.mark.parametrize(
    ("age", "alive", "stays"), [(DAY / 2, False, True), (2 * DAY, True, True), (2 * DAY, False, False)]
)
def test_without_locks_age_and_process_decide(
    age: float, alive: bool, stays: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsupported(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(fcntl, "flock", unsupported)
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        ended.wait()
    left = dead_name(tmp_path / "answer", pid=os.getpid() if alive else ended.pid)
    left.write_text("half")
    aged(left, age)

    write_text(tmp_path / "other.txt", "new")

    assert left.exists() == stays
    assert (tmp_path / "other.txt").read_text() == "new"


@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() != 0, reason="only root can give files away")
def test_files_of_other_users_are_left(tmp_path: Path) -> None:
    left = dead_name(tmp_path / "answer")
    left.write_text("half")
    os.chown(left, 12345, 12345)

    write_text(tmp_path / "other.txt", "new")

    assert left.exists()


def test_only_copy_of_what_was_being_replaced_is_left(tmp_path: Path) -> None:
    aside = passing.aside_path(tmp_path / "bundle")
    aside.mkdir()

    write_text(tmp_path / "other.txt", "new")
    assert aside.exists()

    (tmp_path / "bundle").mkdir()
    write_text(tmp_path / "other.txt", "new")
    assert not aside.exists()


def test_longest_name_has_room_for_the_passing_one(tmp_path: Path) -> None:
    target = tmp_path / ("ä" * 127)

    write_text(target, "new")
    write_folder(tmp_path / ("b" * 255), lambda folder: (folder / "file").write_text("new"))

    assert target.read_text() == "new"
    assert len(list(tmp_path.iterdir())) == 2


def test_file_taken_for_dead_before_it_was_locked_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = passing._lock
    cleared: list[Path] = []

    def late(descriptor: int) -> bool | None:
        if not cleared:
            cleared.append(next(tmp_path.glob(".answer.*")))
            cleared[0].unlink()
        return real(descriptor)

    monkeypatch.setattr(passing, "_lock", late)

    write_text(tmp_path / "answer", "new")

    assert (tmp_path / "answer").read_text() == "new"
    assert len(list(tmp_path.iterdir())) == 1
    assert cleared


def test_large_folder_is_not_looked_through_at_every_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passing, "_QUICK", 0.0)
    looked: list[object] = []
    scandir = os.scandir

    def slow(path: Path) -> object:
        looked.append(path)
        time.sleep(0.05)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", slow)

    for number in range(5):
        write_text(tmp_path / f"{number}.txt", "new")

    assert len(looked) == 1


def test_scratch_folder_is_private_and_gone_at_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    dead_name(tmp_path / "older").mkdir()

    with scratch_folder("vaeport-parity") as folder:
        assert folder.parent == tmp_path
        assert folder.stat().st_mode & 0o777 == 0o700
        assert list(tmp_path.iterdir()) == [folder]
        (folder / "file").write_text("passing")

    assert list(tmp_path.iterdir()) == []


def test_full_disk_under_a_scratch_folder_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    said = f"cannot write to {tmp_path}: No space left on device; free space, or set TMPDIR"
    with pytest.raises(OutputError, match=re.escape(said)), scratch_folder("vaeport-parity"):
        raise OSError(28, "No space left on device")

    assert list(tmp_path.iterdir()) == []


def test_folder_is_not_made_where_something_stands(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken/file").write_text("mine")

    with pytest.raises(Exception, match="something stands there already") as caught:
        write_folder(tmp_path / "taken", lambda folder: (folder / "file").write_text("new"))

    assert type(caught.value) is OutputError
    assert (tmp_path / "taken/file").read_text() == "mine"


def test_passing_file_is_locked_while_it_is_written(tmp_path: Path) -> None:
    with passing_file(tmp_path / "answer") as (path, _), path.open("rb") as other, pytest.raises(BlockingIOError):
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
