import os
import sys
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch

from tests.export.material import Opened, compared, opened
from vaeport.bundle.golden import Arrays, parse_golden
from vaeport.bundle.opening import open_bundle
from vaeport.contract import GRAPHS
from vaeport.errors import InputError
from vaeport_export.bundle.probes import probe_inputs
from vaeport_export.bundle.subject import subject_of
from vaeport_parity.backends import BACKENDS, OWN_BACKENDS
from vaeport_parity.backends.base import ENVIRONMENTS_VARIABLE
from vaeport_parity.comparison import chosen_backends, compare
from vaeport_parity.running.execution import GraphJob, run_once
from vaeport_parity.subjects.subject import Subject

NOISE_FLOORS = dict.fromkeys(OWN_BACKENDS, 4.0)
"""How far each backend may be from PyTorch, in noise floors of the manifest (PyTorch float32 against float64).

All of them 4: another summation order is another sample of the same rounding noise, whose distance from PyTorch float32
can be the sum of both; the rest is room for processors whose vector width reorders sums again. A real defect is
hundreds of floors away."""

BATCHES = (0, 1, 2, 7, 257)


@pytest.fixture(scope="module", params=["narrow", "blog"])
def bundle(request: pytest.FixtureRequest, bundles: Path) -> Path:
    return bundles / str(request.param)


@pytest.fixture(scope="module")
def subject(bundles: Path) -> Subject:
    return subject_of(open_bundle(bundles / "narrow"))


def by_torch(bundle: Opened, graph: str, inputs: Arrays, dtype: torch.dtype) -> Arrays:
    module = bundle.module(graph).to(dtype)
    with torch.no_grad():
        answer = module(*(torch.from_numpy(values).to(dtype) for values in inputs.values()))
    module.to(torch.float32)
    outputs = answer if isinstance(answer, tuple) else (answer,)
    return {name: output.numpy() for name, output in zip(GRAPHS[graph].outputs, outputs, strict=True)}


@pytest.mark.parametrize("graph", list(GRAPHS))
@pytest.mark.parametrize("backend", OWN_BACKENDS)
def test_backend_answers_as_torch_does(backend: str, graph: str, bundle: Path, tmp_path: Path) -> None:
    """Run without plan, bounds or measurement, so that these are held by something else than themselves."""
    whole, manifest = opened(bundle), open_bundle(bundle).manifest
    spec = subject_of(open_bundle(bundle)).graph(graph)
    (tmp_path / "model.onnx").write_bytes(spec.content)
    job = GraphJob(graph, tmp_path / "model.onnx", spec.inputs, spec.outputs, spec.original)
    probes = probe_inputs(parse_golden(whole.bundle.read("golden.npz"), manifest.shapes), manifest.shapes)[graph]

    for batch in BATCHES:
        inputs = {name: values[:batch] for name, values in probes.items()}
        folder = tmp_path / str(batch)
        outcome = run_once(BACKENDS[backend], job, dict(inputs), folder, limit=60, isolated=False)
        for dtype in (torch.float32, torch.float64):
            for name, expected in by_torch(whole, graph, inputs, dtype).items():
                bound = NOISE_FLOORS[backend] * manifest.tolerances["fp32"][graph][name].noise_floor
                answers = outcome.answers[0][name]
                assert answers.shape == expected.shape == (batch, *manifest.shapes.row(name))
                assert answers.dtype == (np.float64 if backend == "torch-float64" else np.float32)
                assert np.abs(answers - expected).max(initial=0) <= bound


def test_every_own_backend_holds_in_the_report(subject: Subject) -> None:
    report = compare(subject, OWN_BACKENDS, isolated=False)

    assert report.holds, report
    assert report.missing == {}
    assert {row.backend for row in report.rows} == {"golden.npz", *OWN_BACKENDS}
    assert len(report.rows) == 4 + 5 * len(OWN_BACKENDS)
    assert all(row.figures.error_float64 < 1e-12 for row in report.of("torch-float64") if row.graph != "chain")


def test_tolerance_is_four_floors_and_the_floor_is_rounding(subject: Subject) -> None:
    for graph in subject.graphs:
        assert graph.tolerances
        for tolerance in graph.tolerances.values():
            assert tolerance.max_abs == 4 * tolerance.noise_floor
            assert 1e-8 < tolerance.noise_floor < 1e-4


def test_other_images_are_compared_too(bundles: Path, subject: Subject) -> None:
    images = np.random.default_rng(0).integers(0, 256, (30, 1, 28, 28), np.uint8)

    with_images = compare(subject_of(open_bundle(bundles / "narrow"), images=images), "onnxruntime-all", isolated=False)
    without = compare(subject, "onnxruntime-all", isolated=False)

    assert with_images.samples == without.samples + 30
    assert with_images.given_samples == 30
    assert with_images.holds, with_images


def test_progress_names_each_backend(subject: Subject) -> None:
    named: list[str] = []

    compare(subject, ["onnx-reference", "onnxruntime-none"], isolated=False, progress=named.append)

    assert named == ["PyTorch", "onnx-reference", "onnxruntime-none"]


def test_backends_are_named_alone_in_groups_and_in_families() -> None:
    assert chosen_backends("own") == list(OWN_BACKENDS)
    assert chosen_backends("tract, own")[:2] == ["tract", OWN_BACKENDS[0]]
    assert chosen_backends("onnxruntime") == [name for name in OWN_BACKENDS if name.startswith("onnxruntime-")]
    assert chosen_backends(["openvino"])[0] == "openvino"
    with pytest.raises(InputError, match="unknown backend 'tensorflow'; known are all, own, torch-float32"):
        chosen_backends("onnxruntime-all,tensorflow")


def test_package_that_is_not_installed_is_listed_and_not_passed(
    subject: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)

    report = compare(subject, ["onnxruntime-all", "torch-float32"], isolated=False)

    assert list(report.missing) == ["onnxruntime-all"]
    assert {row.backend for row in report.rows} == {"golden.npz", "torch-float32"}


def test_backend_without_an_environment_is_missing_and_nothing_compared_does_not_hold(
    subject: Subject, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(ENVIRONMENTS_VARIABLE, str(tmp_path))

    report = compare(subject, ["tract"])

    assert "--install" in report.missing["tract"]
    assert not report.holds


def test_backend_in_its_own_process_is_timed_and_holds(subject: Subject) -> None:
    report = compare(subject, ["onnxruntime-all"])

    assert report.holds, report
    assert set(report.backends[0].milliseconds) == {f"{graph} x {batch}" for graph in GRAPHS for batch in (1, 257)}
    assert min(report.backends[0].milliseconds.values()) > 0


def test_backend_past_its_time_limit_falls_short(subject: Subject) -> None:
    report = compare(subject, ["torch-float32"], limit=0.01)

    assert not report.holds
    assert {row.failed.split(": ")[1] for row in report.of("torch-float32")} == {"ran past its time limit of 0.01 s"}


Precision = Literal["float32", "float64"]


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_golden_answers_are_torchs(precision: Precision, narrow: Opened) -> None:
    manifest = narrow.bundle.manifest
    golden = parse_golden(narrow.bundle.read("golden.npz"), manifest.shapes)

    for graph in GRAPHS:
        expected = by_torch(narrow, graph, golden.inputs(graph), getattr(torch, precision))
        for name, values in expected.items():
            floor = manifest.tolerances["fp32"][graph][name].noise_floor
            assert np.abs(golden.answers[graph][precision][name] - values).max() <= floor


def test_report_names_the_bundle(bundles: Path) -> None:
    assert compared(bundles / "blog", "onnxruntime-all").name == "blog"


@pytest.mark.skipif(
    ENVIRONMENTS_VARIABLE not in os.environ, reason=f"{ENVIRONMENTS_VARIABLE} names no environments to try"
)
@pytest.mark.parametrize("backend", [name for name in BACKENDS if name not in OWN_BACKENDS])
def test_installed_backend_holds_if_it_counts(backend: str, subject: Subject) -> None:
    report = compare(subject, [backend])

    if backend in report.missing:
        pytest.skip(report.missing[backend])
    assert report.holds or not BACKENDS[backend].facts.counts
