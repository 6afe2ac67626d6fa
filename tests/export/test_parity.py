import sys
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from tests.export.material import compared, opened
from vaeport.contract import GRAPHS
from vaeport.errors import InputError
from vaeport.golden import Arrays, parse_golden
from vaeport_export.parity.backends import BACKENDS
from vaeport_export.parity.backends.onnxruntime_cpu import OnnxruntimeCpu
from vaeport_export.parity.comparison import compare_backends
from vaeport_export.parity.subject import Subject
from vaeport_export.probes import probe_inputs

NOISE_FLOORS = dict.fromkeys(BACKENDS, 4.0)
"""How far each backend may be from PyTorch, in noise floors of the manifest (PyTorch float32 against float64).

All of them 4: another summation order is another sample of the same rounding noise, whose distance from PyTorch float32
can be the sum of both; the rest is room for processors whose vector width reorders sums again. A real defect is
hundreds of floors away."""

BATCHES = (0, 1, 2, 7, 257)


@pytest.fixture(scope="module", params=["narrow", "blog"])
def subject(request: pytest.FixtureRequest, bundles: Path) -> Subject:
    return opened(bundles / str(request.param))


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
@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("backend", list(BACKENDS))
def test_backend_answers_as_torch_does(backend: str, batch: int, graph: str, subject: Subject) -> None:
    inputs = inputs_of(subject, graph, batch)

    answers = BACKENDS[backend].load(subject, graph)(inputs)

    for dtype in (torch.float32, torch.float64):
        for name, expected in by_torch(subject, graph, inputs, dtype).items():
            bound = NOISE_FLOORS[backend] * subject.bundle.manifest.tolerances["fp32"][graph][name].noise_floor
            assert answers[name].shape == expected.shape == (batch, *subject.bundle.manifest.shapes.row(name))
            assert np.abs(answers[name] - expected).max(initial=0) <= bound


@pytest.mark.parametrize("backend", [name for name in BACKENDS if name != "torch-float64"])
def test_backend_answers_in_float32(backend: str, narrow: Subject) -> None:
    answers = BACKENDS[backend].load(narrow, "decoder")(inputs_of(narrow, "decoder", 3))

    assert answers["image"].dtype == np.float32


def test_every_backend_holds_in_the_report(narrow: Subject) -> None:
    report = compare_backends(narrow)

    assert report.holds
    assert report.missing == {}
    assert {row.backend for row in report.rows} == {"golden.npz", *BACKENDS}
    assert len(report.rows) == 4 * (1 + len(BACKENDS))
    assert all(row.error_float64 < 1e-12 for row in report.rows if row.backend == "torch-float64")


def test_tolerance_is_four_floors_and_the_floor_is_rounding(narrow: Subject) -> None:
    for outputs in narrow.bundle.manifest.tolerances["fp32"].values():
        for tolerance in outputs.values():
            assert tolerance.max_abs == 4 * tolerance.noise_floor
            assert 1e-8 < tolerance.noise_floor < 1e-4


def test_other_images_are_compared_too(narrow: Subject) -> None:
    images = np.random.default_rng(0).integers(0, 256, (30, 1, 28, 28), np.uint8)

    with_images = compare_backends(narrow, ["onnxruntime-all"], images=images)
    without = compare_backends(narrow, ["onnxruntime-all"])

    assert with_images.images == without.images + 30
    assert with_images.holds


def test_progress_names_each_backend(narrow: Subject) -> None:
    named: list[str] = []

    compare_backends(narrow, ["onnx-reference", "onnxruntime-none"], progress=named.append)

    assert named == ["onnx-reference", "onnxruntime-none"]


def test_unknown_backend_is_refused(narrow: Subject) -> None:
    with pytest.raises(InputError, match="unknown backend 'tensorflow'; known are torch-float32"):
        compare_backends(narrow, ["onnxruntime-all", "tensorflow"])


def no_module(_: OnnxruntimeCpu) -> str:
    raise ModuleNotFoundError("No module named 'onnxruntime'", name="onnxruntime")


def test_missing_backend_is_listed_and_not_passed(narrow: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(OnnxruntimeCpu, "version", no_module)

    report = compare_backends(narrow, ["onnxruntime-all", "onnx-reference"])

    assert list(report.missing) == ["onnxruntime-all"]
    assert "onnxruntime" in report.missing["onnxruntime-all"]
    assert {row.backend for row in report.rows} == {"golden.npz", "onnx-reference"}


def test_package_that_is_not_installed_is_listed(narrow: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)

    report = compare_backends(narrow, ["onnxruntime-all", "torch-float32"])

    assert list(report.missing) == ["onnxruntime-all"]


def test_nothing_compared_does_not_hold(narrow: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where every backend that was asked for is missing, the graphs were never run."""
    monkeypatch.setattr(OnnxruntimeCpu, "version", no_module)

    assert not compare_backends(narrow, ["onnxruntime-all"]).holds


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
