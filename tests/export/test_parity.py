import os
import sys
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from tests.export.material import compared, opened
from vaeport.bundle.golden import Arrays, parse_golden
from vaeport.contract import GRAPHS
from vaeport.errors import InputError
from vaeport_export.bundle.probes import probe_inputs
from vaeport_export.bundle.subject import Subject
from vaeport_parity.asking.bundle_job import bundle_job
from vaeport_parity.asking.steps import Questions
from vaeport_parity.backends import BACKENDS, OWN_BACKENDS, GraphFile, Tensor
from vaeport_parity.backends.base import ENVIRONMENTS_VARIABLE
from vaeport_parity.comparison import compare_backends

NOISE_FLOORS = dict.fromkeys(OWN_BACKENDS, 4.0)
"""How far each backend may be from PyTorch, in noise floors of the manifest (PyTorch float32 against float64).

All of them 4: another summation order is another sample of the same rounding noise, whose distance from PyTorch float32
can be the sum of both; the rest is room for processors whose vector width reorders sums again. A real defect is
hundreds of floors away."""

BATCHES = (0, 1, 2, 7, 257)


@pytest.fixture(scope="module", params=["narrow", "blog"])
def subject(request: pytest.FixtureRequest, bundles: Path) -> Subject:
    return opened(bundles / str(request.param))


def graph_file(subject: Subject, graph: str, scratch: Path) -> GraphFile:
    job = next(job for job in bundle_job(subject, Questions({}), scratch / "job").graphs if job.name == graph)
    inputs, outputs = (
        {spec.name: Tensor(spec.name, spec.dtype, spec.shape) for spec in specs} for specs in (job.inputs, job.outputs)
    )
    return GraphFile(graph, job.path, inputs, outputs, job.original, scratch, scratch)


def inputs_of(subject: Subject, graph: str, batch: int) -> dict[str, NDArray[np.float32]]:
    shapes = subject.bundle.manifest.shapes
    probes = probe_inputs(parse_golden(subject.bundle.read("golden.npz"), shapes), shapes)[graph]
    return {name: values[:batch] for name, values in probes.items()}


def by_torch(subject: Subject, graph: str, inputs: Arrays, dtype: torch.dtype) -> Arrays:
    with torch.no_grad():
        module = subject.module(graph).to(dtype)
        answer = module(*(torch.from_numpy(values).to(dtype) for values in inputs.values()))
        subject.module(graph).to(torch.float32)
    outputs = answer if isinstance(answer, tuple) else (answer,)
    return {name: output.numpy() for name, output in zip(GRAPHS[graph].outputs, outputs, strict=True)}


@pytest.mark.parametrize("graph", list(GRAPHS))
@pytest.mark.parametrize("backend", OWN_BACKENDS)
def test_backend_answers_as_torch_does(backend: str, graph: str, subject: Subject, tmp_path: Path) -> None:
    run = BACKENDS[backend].load(graph_file(subject, graph, tmp_path))

    for batch in BATCHES:
        inputs = inputs_of(subject, graph, batch)
        answers = run(inputs)
        for dtype in (torch.float32, torch.float64):
            for name, expected in by_torch(subject, graph, inputs, dtype).items():
                bound = NOISE_FLOORS[backend] * subject.bundle.manifest.tolerances["fp32"][graph][name].noise_floor
                assert answers[name].shape == expected.shape == (batch, *subject.bundle.manifest.shapes.row(name))
                assert answers[name].dtype == (np.float64 if backend == "torch-float64" else np.float32)
                assert np.abs(answers[name] - expected).max(initial=0) <= bound


def test_every_own_backend_holds_in_the_report(narrow: Subject) -> None:
    report = compare_backends(narrow, OWN_BACKENDS, isolated=False)

    assert report.holds
    assert report.missing == {}
    assert {row.backend for row in report.rows} == {"golden.npz", *OWN_BACKENDS}
    assert len(report.rows) == 4 + 5 * len(OWN_BACKENDS)
    assert all(row.figures.error_float64 < 1e-12 for row in report.of("torch-float64") if row.graph != "chain")


def test_tolerance_is_four_floors_and_the_floor_is_rounding(narrow: Subject) -> None:
    for outputs in narrow.bundle.manifest.tolerances["fp32"].values():
        for tolerance in outputs.values():
            assert tolerance.max_abs == 4 * tolerance.noise_floor
            assert 1e-8 < tolerance.noise_floor < 1e-4


def test_other_images_are_compared_too(narrow: Subject) -> None:
    images = np.random.default_rng(0).integers(0, 256, (30, 1, 28, 28), np.uint8)

    with_images = compare_backends(narrow, ["onnxruntime-all"], images=images, isolated=False)
    without = compare_backends(narrow, ["onnxruntime-all"], isolated=False)

    assert with_images.images == without.images + 30
    assert with_images.holds


def test_progress_names_each_backend(narrow: Subject) -> None:
    named: list[str] = []

    compare_backends(narrow, ["onnx-reference", "onnxruntime-none"], isolated=False, progress=named.append)

    assert named == ["onnx-reference", "onnxruntime-none"]


def test_unknown_backend_is_refused(narrow: Subject) -> None:
    with pytest.raises(InputError, match="unknown backend 'tensorflow'; known are torch-float32"):
        compare_backends(narrow, ["onnxruntime-all", "tensorflow"])


def test_package_that_is_not_installed_is_listed_and_not_passed(
    narrow: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)

    report = compare_backends(narrow, ["onnxruntime-all", "torch-float32"], isolated=False)

    assert list(report.missing) == ["onnxruntime-all"]
    assert {row.backend for row in report.rows} == {"golden.npz", "torch-float32"}


def test_backend_without_an_environment_is_missing_and_nothing_compared_does_not_hold(
    narrow: Subject, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(ENVIRONMENTS_VARIABLE, str(tmp_path))

    report = compare_backends(narrow, ["tract"])

    assert "--install" in report.missing["tract"]
    assert not report.holds


def test_backend_in_its_own_process_is_timed_and_holds(narrow: Subject) -> None:
    report = compare_backends(narrow, ["onnxruntime-all"])

    assert report.holds
    assert set(report.backends[0].milliseconds) == {f"{graph} x {batch}" for graph in GRAPHS for batch in (1, 257)}
    assert min(report.backends[0].milliseconds.values()) > 0


def test_backend_past_its_time_limit_falls_short(narrow: Subject) -> None:
    report = compare_backends(narrow, ["torch-float32"], limit=0.2)

    assert not report.holds
    assert {row.failed.split(": ")[1] for row in report.of("torch-float32")} == {"ran past its time limit of 0.2 s"}


Precision = Literal["float32", "float64"]


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_golden_answers_are_torchs(precision: Precision, narrow: Subject) -> None:
    golden = parse_golden(narrow.bundle.read("golden.npz"), narrow.bundle.manifest.shapes)

    for graph in GRAPHS:
        expected = by_torch(narrow, graph, golden.inputs(graph), getattr(torch, precision))
        for name, values in expected.items():
            floor = narrow.bundle.manifest.tolerances["fp32"][graph][name].noise_floor
            assert np.abs(golden.answers[graph][precision][name] - values).max() <= floor


def test_report_names_the_bundle(bundles: Path) -> None:
    assert compared(bundles / "blog", "onnxruntime-all").bundle == "blog"


@pytest.mark.skipif(
    ENVIRONMENTS_VARIABLE not in os.environ, reason=f"{ENVIRONMENTS_VARIABLE} names no environments to try"
)
@pytest.mark.parametrize("backend", [name for name in BACKENDS if name not in OWN_BACKENDS])
def test_installed_backend_holds_if_it_counts(backend: str, narrow: Subject) -> None:
    report = compare_backends(narrow, [backend])

    if backend in report.missing:
        pytest.skip(report.missing[backend])
    assert report.holds or not BACKENDS[backend].facts.counts
