"""Backends side by side: in order within a chain, at once across chains, and none left behind."""

import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from tests.parity.test_forks import ends
from vaeport_parity.running.lanes import Lanes, usable_cores


def test_tasks_of_a_chain_run_in_order_and_chains_at_once() -> None:
    done: list[str] = []
    met = threading.Barrier(2, timeout=20)

    def task(name: str, *, meets: bool) -> str:
        if meets:
            met.wait()  # raises if no other chain comes
        done.append(name)
        return name

    with Lanes(2) as lanes:
        first = lanes.add([lambda: task("a1", meets=True), lambda: task("a2", meets=False)])
        second = lanes.add([lambda: task("b1", meets=True)])
        results = [future.result(timeout=20) for future in (*first, *second)]

    assert results == ["a1", "a2", "b1"]
    assert done.index("a1") < done.index("a2")


def test_error_is_raised_where_its_answer_is_waited_for_and_others_go_on() -> None:
    def fails() -> int:
        raise OSError("full")

    with Lanes(1) as lanes:
        bad, good = lanes.add([fails, lambda: 1])

        with pytest.raises(OSError, match="full"):
            bad.result(timeout=20)
        assert good.result(timeout=20) == 1


def test_what_has_not_begun_is_cancelled() -> None:
    began, may_end = threading.Event(), threading.Event()

    def waits() -> None:
        began.set()
        may_end.wait(20)

    with Lanes(1) as lanes:
        (running,) = lanes.add([waits])
        (waiting,) = lanes.add([lambda: None])
        assert began.wait(20)
        threading.Timer(0.3, may_end.set).start()

    assert running.done()
    assert not running.cancelled()
    assert waiting.cancelled() or not waiting.done()


def test_there_are_as_many_as_cores_but_four_at_most() -> None:
    before = threading.active_count()

    with Lanes():
        assert threading.active_count() - before == min(usable_cores(), 4)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="workers are forked on Linux only")
def test_error_outside_ends_the_workers_that_are_running(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        textwrap.dedent(f"""
        import os, subprocess, sys, time
        from pathlib import Path
        from vaeport_parity.running import process
        from vaeport_parity.running.lanes import Lanes

        def sleeps():
            folder = Path({str(tmp_path)!r}) / "job"
            folder.mkdir()
            code = "import os, time; open('pid', 'w').write(str(os.getpid())); time.sleep(600)"
            return process._started([sys.executable, "-c", code], folder, dict(os.environ), 600)

        with Lanes(1) as lanes:
            lanes.add([sleeps])
            while not (Path({str(tmp_path)!r}) / "job/pid").is_file():
                time.sleep(0.05)
            time.sleep(0.2)
            raise KeyError("something else")
        """)
    )
    began = time.monotonic()

    done = subprocess.run([sys.executable, str(program)], check=False, capture_output=True, text=True, timeout=60)

    assert "something else" in done.stderr
    assert time.monotonic() - began < 60
    assert ends(int((tmp_path / "job/pid").read_text()))
