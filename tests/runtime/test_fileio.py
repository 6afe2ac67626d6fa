"""A reader sees the old file or the new one, and no temporary file stays."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from vaeport.common.fileio import write_atomic, write_text
from vaeport.errors import OutputError


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
