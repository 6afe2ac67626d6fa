"""A reader sees the old file or the new one, and no temporary file stays."""

import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO

import pytest

from vaeport.common.fileio import write_atomic, write_folder, write_text
from vaeport.errors import ImageNotFoundError, InputError, OutputError


@pytest.fixture
def umask() -> Iterator[int]:
    mask = 0o027
    before = os.umask(mask)
    yield mask
    os.umask(before)


def _write_half_then_fail(file: IO[bytes], error: Exception) -> None:
    file.write(b"half")
    raise error


def test_content_stands_at_the_path_and_nothing_beside_it(tmp_path: Path) -> None:
    path = write_atomic(tmp_path / "new/folder/answer.bin", lambda file: file.write(b"whole"))

    assert path.read_bytes() == b"whole"
    assert [path.name for path in path.parent.iterdir()] == ["answer.bin"]


def test_old_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "answer.txt").write_text("old and longer")

    write_text(tmp_path / "answer.txt", "nëw")

    assert (tmp_path / "answer.txt").read_bytes() == "nëw".encode()


@pytest.mark.parametrize(
    ("error", "raised"), [(OSError(28, "No space left on device"), OutputError), (ValueError("no"), ValueError)]
)
def test_failing_writer_leaves_the_old_file(error: Exception, raised: type[Exception], tmp_path: Path) -> None:
    (tmp_path / "answer.txt").write_text("old")

    with pytest.raises(raised):
        write_atomic(tmp_path / "answer.txt", lambda file: _write_half_then_fail(file, error))

    assert (tmp_path / "answer.txt").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["answer.txt"]


def test_reader_sees_the_old_file_while_the_new_is_written(tmp_path: Path) -> None:
    (tmp_path / "answer.txt").write_text("old")
    seen: list[str] = []

    def write(file: IO[bytes]) -> None:
        file.write(b"new")
        file.flush()
        seen.append((tmp_path / "answer.txt").read_text())

    write_atomic(tmp_path / "answer.txt", write)

    assert seen == ["old"]
    assert (tmp_path / "answer.txt").read_text() == "new"


def test_new_file_honours_the_umask(umask: int, tmp_path: Path) -> None:
    write_text(tmp_path / "answer.txt", "new")

    assert stat.S_IMODE((tmp_path / "answer.txt").stat().st_mode) == 0o666 & ~umask


@pytest.mark.parametrize("place", ["folder", "file/answer.txt", "x" * 300])
def test_place_that_cannot_be_written_raises_output_error(place: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(OutputError, match="cannot write .*; nothing was changed there"):
        write_text(tmp_path / place, "new")

    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]
    assert [path.name for path in (tmp_path / "folder").iterdir()] == []


def test_pipe_is_not_replaced_by_a_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(OutputError, match="pipe"):
        write_text(tmp_path / "pipe", "new")

    assert (tmp_path / "pipe").is_fifo()


def test_replaced_file_keeps_its_permissions(umask: int, tmp_path: Path) -> None:
    target = tmp_path / "secret.txt"
    target.write_text("old")
    target.chmod(0o600)
    seen: list[int] = []

    def write(file: IO[bytes]) -> None:
        seen.append(stat.S_IMODE(os.fstat(file.fileno()).st_mode))
        file.write(b"new")

    write_atomic(target, write)

    assert seen == [0o600]
    assert stat.S_IMODE(target.stat().st_mode) == 0o600


def test_new_folder_honours_the_umask_and_a_replaced_one_keeps_its_permissions(umask: int, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir(mode=0o700)

    write_folder(tmp_path / "new", lambda folder: (folder / "file").write_text("new"))
    write_folder(tmp_path / "empty", lambda folder: (folder / "file").write_text("new"))

    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o777 & ~umask
    assert stat.S_IMODE((tmp_path / "empty").stat().st_mode) == 0o700


def test_link_is_replaced_and_what_it_leads_to_is_left(tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("precious")
    (tmp_path / "link.txt").symlink_to(tmp_path / "precious.txt")

    write_text(tmp_path / "link.txt", "new")

    assert (tmp_path / "precious.txt").read_text() == "precious"
    assert not (tmp_path / "link.txt").is_symlink()


@pytest.mark.parametrize("error", [OSError(28, "full"), ValueError("no"), KeyboardInterrupt(), SystemExit(143)])
def test_folders_made_for_a_file_that_fails_are_taken_away(error: BaseException, tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()

    def fail(_: object) -> None:
        raise error

    for write in (write_atomic, write_folder):
        with pytest.raises((OutputError, ValueError, KeyboardInterrupt, SystemExit)):
            write(tmp_path / "kept/new/folder/answer", fail)

    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    assert list((tmp_path / "kept").iterdir()) == []


def test_error_of_another_subject_is_not_told_as_one_of_writing(tmp_path: Path) -> None:
    def fail(_: object) -> None:
        raise ImageNotFoundError("no image")

    with pytest.raises(ImageNotFoundError, match="^no image$"):
        write_atomic(tmp_path / "answer", fail)


@pytest.mark.parametrize("path", [3, None, b"bytes", "a\0b", "\ud800", ["a"]])
@pytest.mark.parametrize("write", [write_text, write_folder])
def test_what_is_no_path_is_an_input_error(write: Callable[..., object], path: object) -> None:
    with pytest.raises(InputError, match="^path is "):
        write(path, "text")


def test_everything_in_a_folder_is_synced_before_it_is_renamed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[tuple[str, str]] = []
    fsync, replace = os.fsync, os.replace

    def note_sync(descriptor: int) -> None:
        events.append(("fsync", Path(f"/proc/self/fd/{descriptor}").readlink().name))
        fsync(descriptor)

    def note_replace(source: str, target: str) -> None:
        events.append(("rename", Path(target).name))
        replace(source, target)

    def fill(folder: Path) -> None:
        (folder / "inner").mkdir()
        (folder / "inner/file").write_text("new")

    monkeypatch.setattr(os, "fsync", note_sync)
    monkeypatch.setattr(os, "replace", note_replace)
    write_folder(tmp_path / "set", fill)

    renamed = events.index(("rename", "set"))
    assert {name for _, name in events[:renamed]} >= {"file", "inner"}
    assert ("fsync", tmp_path.name) in events[renamed:]


def test_file_is_synced_before_and_its_name_after_the_rename(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[bool] = []
    fsync = os.fsync

    def note(descriptor: int) -> None:
        events.append((tmp_path / "answer").exists())
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    write_text(tmp_path / "answer", "new")

    assert events == [False, True]


def test_name_that_cannot_be_synced_stands_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fsync = os.fsync

    def refuse_folders(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(22, "Invalid argument")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", refuse_folders)
    write_text(tmp_path / "answer", "new")

    assert (tmp_path / "answer").read_text() == "new"


RACE = """
import os, sys
from pathlib import Path
from vaeport.common.fileio import write_folder, write_text
from vaeport.errors import OutputError

place, mark, rounds = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
won = []

def fill(folder):
    for name in "abc":
        (folder / name).write_text(mark * 1000)

for number in range(rounds):
    print("ready", flush=True)
    sys.stdin.readline()
    write_text(place / f"{number}/new/file", mark * 100_000)
    try:
        write_folder(place / f"{number}/folder", fill)
        won.append("1")
    except OutputError:
        won.append("0")
print("".join(won))
"""


def test_two_writers_at_once_leave_one_whole_result(tmp_path: Path) -> None:
    rounds = 200
    command = [sys.executable, "-c", RACE, str(tmp_path)]
    with ExitStack() as stack:
        pair = [
            stack.enter_context(
                subprocess.Popen(
                    [*command, mark, str(rounds)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
                )
            )
            for mark in "xy"
        ]
        for _ in range(rounds):
            for process in pair:
                assert process.stdout is not None
                assert process.stdout.readline() == "ready\n"
            for process in pair:
                assert process.stdin is not None
                process.stdin.write("\n")
                process.stdin.flush()
        won = [process.stdout.read().strip() for process in pair if process.stdout is not None]

    assert all(sorted(both) == ["0", "1"] for both in zip(*won, strict=True))
    for number in range(rounds):
        assert (tmp_path / f"{number}/new/file").read_text() in ("x" * 100_000, "y" * 100_000)
        winner = "x" if won[0][number] == "1" else "y"
        folder = tmp_path / f"{number}/folder"
        assert {path.name: path.read_text() for path in folder.iterdir()} == dict.fromkeys("abc", winner * 1000)
        assert {path.name for path in (tmp_path / str(number)).rglob("*")} == {"new", "file", "folder", *"abc"}
