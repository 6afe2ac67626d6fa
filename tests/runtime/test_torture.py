"""The trials of tools/torture/load.py and soak.py, small; `make torture` has them in full."""

import os
from pathlib import Path

import pytest

import vaeport
from tools.torture import load as torture
from tools.torture import soak
from tools.torture.calls import Call

linux = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="this system has no /proc")


def test_threads_get_the_bits_of_a_single_thread(tiny_model: vaeport.Model) -> None:
    trial = torture.share_between_threads(tiny_model, threads=8, calls=100)

    assert trial.holds, trial.measured


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_processes_get_the_bits_of_a_single_process(tiny_bundle: Path) -> None:
    trial = torture.send_to_processes(vaeport.load(tiny_bundle, threads=2), spawned=1, forked=2)

    assert trial.holds, trial.measured


@linux
def test_memory_stays_where_it_is(tiny_model: vaeport.Model) -> None:
    trial = torture.keep_memory(tiny_model, calls=3000, warm_up=1000)

    assert trial.holds, trial.measured


def test_idle_model_uses_no_processor(tiny_bundle: Path) -> None:
    trial = torture.stay_idle(str(tiny_bundle), seconds=0.5)

    assert trial.holds, trial.measured


@linux
def test_one_processor_gets_one_thread(tiny_bundle: Path) -> None:
    affinity, *quotas = torture.run_on_one_processor(str(tiny_bundle))

    assert affinity.holds, affinity.measured
    assert all(trial.holds is not False for trial in quotas), quotas


@linux
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_soak_keeps_every_promise() -> None:
    wrong = [trial for trial in soak.run(500, seconds=4) if trial.holds is False]

    # In so few seconds memory is still warming up.
    assert [trial for trial in wrong if trial.name != "soak: memory"] == []


def test_soak_tells_the_call_that_went_wrong() -> None:
    good = Call("answer", 1, lambda: b"four")
    bad = Call("refuse", 1, lambda: b"five", bad=True)

    assert soak.difference(good, b"four") == ""
    assert soak.difference(good, b"five") == "answer: other bits (4 bytes, expected 4)"
    assert "refuse: said b'not refused'" in soak.difference(bad, b"InputError: no")


@linux
def test_soak_says_that_its_process_died() -> None:
    (trial,) = soak.run(1, processor=10**6)

    assert trial.holds is False
    assert "ended with code 1" in trial.measured


def test_soak_says_what_a_child_found_and_how_it_ended() -> None:
    assert soak.forked(lambda: "") == ""
    assert soak.forked(lambda: "other bits") == "other bits"
    assert soak.forked(lambda: str(1 // 0)) == "ended with code 1; "
