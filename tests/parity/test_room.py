"""A full disk is told as one, and not as a backend that refuses."""

import json
import os
from pathlib import Path

import pytest

from vaeport_parity.backends import BACKENDS
from vaeport_parity.running import execution
from vaeport_parity.running.execution import Job, OneStep, run_backend

JOB = Job((), {}, (OneStep("graph"), OneStep("graph")))


def run(folder: Path, *, isolated: bool = True) -> execution.Outcome:
    return run_backend(BACKENDS["onnxruntime-all"], JOB, folder / "run", limit=10, isolated=isolated)


@pytest.mark.parametrize("isolated", [True, False])
@pytest.mark.parametrize("number", [28, 122])
def test_answer_that_finds_no_room_is_a_full_disk(
    number: int, isolated: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [{"version": "1"}, {"begin": 0}, {"end": 0, "error": f"[Errno {number}] {os.strerror(number)}"}]

    def worker(*_: object) -> None:
        (tmp_path / "run/log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))

    monkeypatch.setattr(execution, "run_worker" if isolated else "perform", worker)

    with pytest.raises(OSError, match="No space left on device") as caught:
        run(tmp_path, isolated=isolated)
    assert caught.value.errno == 28


def test_worker_that_died_without_a_word_on_a_full_disk_is_no_death(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Path.write_bytes

    def full(path: Path, content: bytes) -> int:
        if path.name == "room":
            raise OSError(28, os.strerror(28), str(path))
        return real(path, content)

    monkeypatch.setattr(Path, "write_bytes", full)
    monkeypatch.setattr(execution, "run_worker", lambda *_: "ended with exit code 1: without a word")

    with pytest.raises(OSError, match="No space left on device"):
        run(tmp_path)


def test_last_line_that_a_worker_did_not_finish_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def worker(*_: object) -> str:
        (tmp_path / "run/log.jsonl").write_text('{"version": "1"}\n{"begin": 0}\n{"end": 0, "err')
        return "died of SIGKILL"

    monkeypatch.setattr(execution, "run_worker", worker)

    assert "died of SIGKILL" in run(tmp_path).errors.values()
