"""Backends on an emulated processor, where qemu is installed."""

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.parity.backends.graphs import CASES
from tests.parity.networks import Classifier, seeded
from vaeport_parity.asking.emulated import fewer_rows
from vaeport_parity.asking.steps import make_plan
from vaeport_parity.backends.base import ENVIRONMENTS_VARIABLE
from vaeport_parity.backends.versions import backend_named
from vaeport_parity.building import GraphRequest, make_subject
from vaeport_parity.running.environments import install, missing_reason
from vaeport_parity.running.execution import run_once

TOKENS = next(case for case in CASES if case.name == "tokens")


@pytest.mark.torture
@pytest.mark.parametrize("level", ["x86-64-v2", "x86-64-v3", "armv8.2-a"])
def test_onnxruntime_answers_rightly_on_an_emulated_processor(level: str, tmp_path: Path) -> None:
    backend = backend_named(f"onnxruntime@{level}")
    if reason := missing_reason(backend.facts):
        pytest.skip(reason)

    outcome = run_once(backend, TOKENS.job(tmp_path / "graph"), TOKENS.sets[0], tmp_path / "job", limit=300)

    assert (outcome.missing, outcome.errors) == (None, {})
    assert np.allclose(outcome.answers[0]["scores"], TOKENS.answers(TOKENS.sets[0])["scores"], atol=1e-5)


@pytest.mark.skipif(sys.platform != "linux", reason="the emulator is Linux's user mode")
def test_emulator_is_named_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda program: None if "qemu" in program else "/bin/true")

    assert missing_reason(backend_named("onnxruntime@x86-64-v3").facts) == (
        "the program qemu-x86_64-static is not installed"
    )


@pytest.mark.filterwarnings("default")
def test_emulated_backend_is_spared_most_rows_and_all_timing(written: Path, tmp_path: Path) -> None:
    request = GraphRequest(written / "classifier.onnx", seeded(Classifier()))
    plan = make_plan(make_subject({"graph": request}, name="classifier", folder=tmp_path))

    fewer = fewer_rows(plan)

    assert any(step.kind == "time" for step in plan.steps)
    assert max(step.stop for step in plan.steps) > 100
    assert {step.kind for step in fewer.steps} == {"run", "again"}
    assert max(step.stop for step in fewer.steps) == 100
    assert len(set(fewer.steps)) == len(fewer.steps)


def test_version_that_this_python_has_not_is_installed_with_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """pip says that there is no release for this Python; another one on the PATH is taken, if it is one."""
    programs = tmp_path / "programs"
    programs.mkdir()
    scripts = {
        "python": "echo 'ERROR: No matching distribution found for onnxruntime==1.14.*' >&2; exit 1",
        "python3.12": "echo 'python3.12: command not found' >&2; exit 127",
        "python3.10": 'case "$*" in *--clear*) mkdir -p "$4/bin"; cp "$0" "$4/bin/python";; esac',
    }
    for name, script in scripts.items():
        (programs / name).write_text(f"#!/bin/sh\n{script}\n")
        (programs / name).chmod(0o755)
    monkeypatch.setenv(ENVIRONMENTS_VARIABLE, str(tmp_path / "environments"))
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    monkeypatch.setattr(sys, "executable", str(programs / "python"))

    outcome = install(backend_named("onnxruntime==1.14.*").facts)

    assert (outcome.state, outcome.reason) == ("installed", "")
    made = tmp_path / "environments/onnxruntime-all==1.14.x/bin/python"
    assert made.read_text() == (programs / "python3.10").read_text()
