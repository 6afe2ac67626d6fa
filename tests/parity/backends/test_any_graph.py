"""Graphs of all kinds on every backend: right answers, or a refusal that says what is not taken."""

import os
import re
from pathlib import Path

import numpy as np
import pytest

from tests.parity.backends.graphs import CASES, Case
from vaeport_parity.backends import BACKENDS, OWN_BACKENDS
from vaeport_parity.backends.base import ENVIRONMENTS_VARIABLE
from vaeport_parity.running.arrays import write_arrays
from vaeport_parity.running.environments import missing_reason
from vaeport_parity.running.execution import Job, OneStep, Outcome, SetFile, run_backend

from .refusals import REFUSALS

BY_NAME = {case.name: case for case in CASES}
ROUNDED = {
    "onnxruntime-cuda-tf32": 3e-2,  # its products have 10 bits of mantissa
    "openvino-default": 3e-2,  # its CPU plugin computes in bfloat16, 8 bits of mantissa, where the processor has it
    "ncnn-default": 3e-2,  # pnnx rounds its weights to float16, and it computes in float16 where it can
}
"""Tolerances of backends that round more coarsely than float32 by default; all others keep a case's own."""

OTHERS = [name for name in BACKENDS if name not in OWN_BACKENDS]


def outcome_of(backend: str, case: Case, folder: Path, *, isolated: bool) -> Outcome:
    graph = case.job(folder / "graph")
    sets = {}
    for number, inputs in enumerate(case.sets):
        write_arrays(folder / f"{number}.npz", inputs)
        sets[f"{case.name}.{number}"] = SetFile(folder / f"{number}.npz", batched=False)
    steps = tuple(OneStep(case.name, str(number)) for number in range(len(case.sets)))
    job = Job((graph,), sets, steps)
    return run_backend(BACKENDS[backend], job, folder / "job", limit=120, isolated=isolated)


def assert_right(outcome: Outcome, case: Case, backend: str) -> None:
    assert outcome.errors == {}
    for number, inputs in enumerate(case.sets):
        for name, right in case.answers(inputs).items():
            answer = outcome.answers[number][name]
            wide = backend == "torch-float64" and answer.dtype == np.float64
            assert answer.dtype == right.dtype or wide
            assert answer.shape == right.shape
            tolerance = max(case.tolerance, ROUNDED.get(backend, 0))
            bound = tolerance * max(1.0, np.abs(right.astype(np.float64)).max(initial=0))
            assert np.abs(answer.astype(np.float64) - right.astype(np.float64)).max(initial=0) <= bound


def check(backend: str, case: Case, folder: Path, *, isolated: bool) -> None:
    outcome = outcome_of(backend, case, folder, isolated=isolated)
    if outcome.missing is not None:
        assert BACKENDS[backend].facts.from_original
        assert case.torch is None
        assert "there is none" in outcome.missing
        return
    refusal = REFUSALS.get((backend, case.name))
    if refusal is None:
        assert_right(outcome, case, backend)
        return
    assert outcome.answers == {}
    for error in outcome.errors.values():
        assert re.search(refusal, error), error


@pytest.mark.parametrize("name", list(BY_NAME))
@pytest.mark.parametrize("backend", OWN_BACKENDS)
def test_own_backend_takes_any_graph(backend: str, name: str, tmp_path: Path) -> None:
    check(backend, BY_NAME[name], tmp_path, isolated=False)


@pytest.mark.skipif(ENVIRONMENTS_VARIABLE not in os.environ, reason=f"{ENVIRONMENTS_VARIABLE} names no environments")
@pytest.mark.parametrize("name", list(BY_NAME))
@pytest.mark.parametrize("backend", OTHERS)
def test_other_backend_takes_a_graph_or_says_why_not(backend: str, name: str, tmp_path: Path) -> None:
    if reason := missing_reason(BACKENDS[backend].facts):
        pytest.skip(reason)

    check(backend, BY_NAME[name], tmp_path, isolated=True)
