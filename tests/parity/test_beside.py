"""What is computed in a process beside: the same result, the same error, and nothing that hangs."""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from vaeport_parity.running import beside as module
from vaeport_parity.running.beside import Beside

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="processes are forked on Linux only")


def test_result_is_computed_in_another_process_once(tmp_path: Path) -> None:
    one = Beside(os.getpid, tmp_path)

    assert one() == one() != os.getpid()


def test_error_is_raised_where_the_result_is_asked_for(tmp_path: Path) -> None:
    def fails() -> int:
        raise KeyError("what is wrong")

    one = Beside(fails, tmp_path)

    with pytest.raises(KeyError, match="what is wrong"):
        one()


def test_process_that_dies_or_hangs_is_done_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = os.getpid()

    def otherwise(act: Callable[[], object]) -> Callable[[], str]:
        return lambda: "here" if os.getpid() == here else str(act())

    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    monkeypatch.setattr(module, "_UNKNOWN", 1.0)

    assert Beside(otherwise(lambda: os.kill(os.getpid(), 9)), tmp_path / "a")() == "here"
    assert Beside(otherwise(lambda: time.sleep(600)), tmp_path / "b")() == "here"


def test_result_that_nobody_asks_for_is_ended(tmp_path: Path) -> None:
    one = Beside(lambda: time.sleep(600), tmp_path)
    pid = one._pid
    assert pid is not None

    one.close()

    assert not Path(f"/proc/{pid}").exists()


def test_torch_computes_in_the_process_after_its_pools_were_used_here(tmp_path: Path) -> None:
    module_ = torch.nn.Sequential(torch.nn.Conv2d(1, 8, 3), torch.nn.Flatten(), torch.nn.Linear(8 * 26 * 26, 10)).eval()
    images = torch.rand(64, 1, 28, 28)

    def answers() -> list[float]:
        with torch.no_grad():
            return [float(value) for value in module_(images)[0]]

    right = answers()

    assert Beside(answers, tmp_path)() == pytest.approx(right, abs=1e-5)
