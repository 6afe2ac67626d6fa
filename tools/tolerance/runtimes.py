"""Runtimes that are right, on a network: how many noise floors they are off, and what other rules say of them."""

import dataclasses
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vaeport_parity.asking.steps import Step
from vaeport_parity.backends import all_backends
from vaeport_parity.running.execution import run_backend

from .cases import GRAPH, MORE, Case
from .rules import RULES, floors, profile, profile_excess

OWN = (
    "torch-export",
    "onnx-reference",
    "onnxruntime-none",
    "onnxruntime-basic",
    "onnxruntime-extended",
    "onnxruntime-all",
)
"""Runtimes that need no environment of their own; they are run in this process."""

FOREIGN = ("openvino", "tract", "tvm", "iree", "mnn", "ncnn", "jax", "opencv", "litert", "tinygrad")
"""Runtimes with environments of their own, set to add products up one by one in float32."""

CONTROLS = ("openvino-default", "mnn-default", "ncnn-default")
"""The same as they come: bfloat16, Winograd's convolution, weights in float16; shown beside the others."""

STRASSEN = ("mnn",)
"""Those of them that multiply large matrices by Strassen's scheme, with no switch for it."""

MORE_PREFIXES = (300, 1000, 3000)
"""Rows of the set `more` up to which the largest error is recorded."""

SLOW = {"tvm": 2, "iree": 2, "jax": 2, "litert": 1, "tinygrad": 1, **dict.fromkeys(CONTROLS, 1)}
"""Runtimes that compile a network for each shape, and controls: on how many of the first seeds they are tried."""

_EVERY_BATCH = frozenset((*OWN, "openvino", "openvino-default", "tract", "mnn", "mnn-default"))
_SLOW_ROWS = frozenset(("onnx-reference", "onnxruntime-basic", "onnxruntime-extended"))  # in Python, or alike
_ROW_BY_ROW = frozenset(("ncnn", "ncnn-default", "opencv"))
_FEW_BATCHES = (1, 7)


@dataclass(frozen=True)
class Judged:
    """One runtime on one network."""

    runtime: str
    """Name of the backend."""
    version: str
    """Of its software."""
    ratio: float
    """Largest error in noise floors, over all batches and sets but `more`."""
    by_batch: Mapping[int, float]
    """The same by rows of a batch of the probes."""
    by_set: Mapping[str, float]
    """The same by input set."""
    more: Mapping[int, float]
    """The same on rows that the floor was not measured on, by how many of them; empty where it was not asked."""
    rules: Mapping[str, float]
    """Excess by name of each of `RULES`, over what `ratio` is over."""
    profile: float
    """Largest ratio of a percentile of the error on all probes to the calibrated one."""
    failed: str = ""
    """Why there is no answer; the figures are 0 then."""


@dataclass
class _Tally:
    case: Case
    known: NDArray[np.float64]
    by_batch: dict[int, float] = field(default_factory=dict)
    by_set: dict[str, float] = field(default_factory=dict)
    more: dict[int, float] = field(default_factory=dict)
    rules: dict[str, float] = field(default_factory=lambda: dict.fromkeys((rule.name for rule in RULES), 0.0))
    profile: float = 0.0

    def add(self, step: Step, answers: Mapping[str, NDArray[np.floating]]) -> None:
        found, native, exact = self.case.parts_of(step, dict(answers))
        floor, rows = self.case.floor(step.inputs), step.stop - step.start
        if step.inputs == MORE:
            for most in MORE_PREFIXES:
                if most <= rows:
                    self.more[most] = floors(found[:most], native[:most], exact[:most], floor)
            return
        ratio = floors(found, native, exact, floor)
        self.by_set[step.inputs] = max(self.by_set.get(step.inputs, 0.0), ratio)
        for rule in RULES:
            self.rules[rule.name] = max(self.rules[rule.name], rule.excess(found, native))
        if step.inputs == "probes":
            self.by_batch[rows] = max(self.by_batch.get(rows, 0.0), ratio)
            if rows == len(self.case.subject.input_set(GRAPH, "probes")):
                self.profile = profile_excess(profile(found, exact), self.known)


def judge(name: str, case: Case, known: NDArray[np.float64], folder: Path, *, limit: float) -> Judged:
    """Run one runtime on a network and compare all that it answers.

    Args:
        name: of the backend.
        case: the network.
        known: calibrated percentiles of the network.
        folder: a folder of this run's own.
        limit: seconds that it may take.
    """
    steps = tuple(_steps(name, case))
    job = dataclasses.replace(case.job, steps=steps)
    outcome = run_backend(all_backends()[name], job, folder, limit=limit, isolated=name not in OWN)
    shutil.rmtree(folder, ignore_errors=True)
    failed = outcome.missing or next(iter(outcome.errors.values()), "")
    if failed:
        return Judged(name, outcome.version, 0.0, {}, {}, {}, {}, 0.0, failed)
    tally = _Tally(case, known)
    for index, step in enumerate(steps):
        tally.add(step, outcome.answers[index])
    ratio = max(tally.by_set.values())
    return Judged(name, outcome.version, ratio, tally.by_batch, tally.by_set, tally.more, tally.rules, tally.profile)


def _steps(name: str, case: Case) -> Iterator[Step]:
    """Everything, or the few batches that a compiler or a runtime of single rows can be asked in short time."""
    whole = len(case.subject.input_set(GRAPH, "probes"))
    for step in case.plan.steps:
        rows = step.stop - step.start
        if step.kind != "run":
            continue
        if name in _EVERY_BATCH:
            if step.inputs != MORE or name not in _SLOW_ROWS:
                yield step
        elif step.inputs == "probes":
            if rows == whole or (step.start == 0 and rows in _FEW_BATCHES and name not in _ROW_BY_ROW):
                yield step
        elif step.inputs != MORE and name in _ROW_BY_ROW:
            yield step
