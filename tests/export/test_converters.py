"""How the graphs are spelt so that converters read them, and what adapters of converters and browsers do."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import onnx
import pytest
from onnx import ModelProto

from tests.export.material import Opened, edit_onnx, sealed_again
from vaeport.bundle.opening import open_bundle
from vaeport.contract import FP32, GRAPHS
from vaeport_export.bundle.subject import subject_of
from vaeport_parity.asking.jobs import make_job
from vaeport_parity.asking.steps import make_plan
from vaeport_parity.backends import BACKENDS
from vaeport_parity.backends.base import ENVIRONMENTS_VARIABLE
from vaeport_parity.comparison import compare
from vaeport_parity.running.environments import missing_reason
from vaeport_parity.running.execution import run_backend
from vaeport_parity.subjects.tensors import input_specs, output_specs

with_environments = pytest.mark.skipif(
    ENVIRONMENTS_VARIABLE not in os.environ, reason=f"{ENVIRONMENTS_VARIABLE} names no environments to try"
)


def skip_if_missing(backend: str) -> None:
    if reason := missing_reason(BACKENDS[backend].facts):
        pytest.skip(reason)


def encoder_graph(bundle: Path) -> onnx.GraphProto:
    return onnx.load_model(bundle / "fp32/encoder_classifier/model.onnx").graph


def test_no_logarithm_is_of_a_sum_with_an_exponential(bundles: Path) -> None:
    nodes = encoder_graph(bundles / "blog").node
    makers = {name: node for node in nodes for name in node.output}

    logarithms = [node for node in nodes if node.op_type == "Log"]

    assert [makers[node.input[0]].op_type for node in logarithms] == ["Sub"]


def test_towers_are_added_without_a_stack(colours: Path) -> None:
    kinds = {node.op_type for node in encoder_graph(colours).node}

    assert "LogSoftmax" in kinds
    assert not kinds & {"Concat", "ReduceMean"}


@with_environments
@pytest.mark.parametrize("backend", ["mnn", "ncnn", "jax", "opencv", "onnxruntime-web", "onnxruntime-chromium"])
def test_convolutional_bundle_holds(backend: str, colours: Path) -> None:
    skip_if_missing(backend)

    assert compare(subject_of(open_bundle(colours)), [backend]).holds


@with_environments
def test_opencv_reads_the_articles_variance(bundles: Path) -> None:
    skip_if_missing("opencv")

    assert compare(subject_of(open_bundle(bundles / "blog")), ["opencv"]).holds


@with_environments
@pytest.mark.parametrize(
    ("backend", "sentence"),
    [
        ("mnn", "cannot be loaded: MNN cannot convert model.onnx"),
        ("onnxruntime-node", "the program ended with 1: .*Unheard"),
        ("onnxruntime-web", "the program ended with 1: .*Unheard"),
        ("onnxruntime-chromium", "the program ended with 1: .*Unheard"),
    ],
)
def test_graph_that_cannot_be_loaded_leaves_the_other_its_answers(
    backend: str, sentence: str, copy: Path, tmp_path: Path
) -> None:
    def make_unknown(model: ModelProto) -> None:
        model.graph.node[0].op_type = "Unheard"

    skip_if_missing(backend)
    edit_onnx(copy, "encoder_classifier", make_unknown)
    asked = make_plan(subject_of(open_bundle(sealed_again(copy))), timed=False)
    job = make_job(asked, tmp_path / "inputs")

    outcome = run_backend(BACKENDS[backend], job, tmp_path / "job", limit=120)

    failed = [outcome.errors[index] for index, step in enumerate(asked.steps) if step.graph != "decoder"]
    assert all(re.match(sentence, error) for error in failed)
    assert {asked.steps[index].graph for index in outcome.answers} == {"decoder"}


def test_second_program_that_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "node").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    reason = missing_reason(BACKENDS["onnxruntime-chromium"].facts)

    assert reason == "the program chromium is not installed"


def test_environment_from_before_playwright_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENVIRONMENTS_VARIABLE, str(tmp_path))

    with pytest.raises(ImportError, match="the npm package playwright-core is not installed in"):
        BACKENDS["onnxruntime-chromium"].version()


@with_environments
def test_chromium_ends_with_the_process_that_started_it(narrow: Opened, tmp_path: Path) -> None:
    skip_if_missing("onnxruntime-chromium")
    path = str(narrow.bundle.path / GRAPHS["decoder"].file(FP32))
    model = onnx.load_model(path)
    given, wanted = (
        [(spec.name, spec.dtype, spec.shape) for spec in specs] for specs in (input_specs(model), output_specs(model))
    )
    program = "\n".join(
        [
            "import pathlib, time, numpy",
            "from vaeport_parity.backends import BACKENDS, GraphFile, Tensor",
            f"path, scratch = map(pathlib.Path, {[path, str(tmp_path)]})",
            f"ports = [{{port[0]: Tensor(*port) for port in ports}} for ports in ({given}, {wanted})]",
            "file = GraphFile('decoder', path, *ports, None, scratch, scratch)",
            "run = BACKENDS['onnxruntime-chromium'].load(file)",
            "run({name: numpy.zeros((1, *one.shape[1:]), 'f4') for name, one in ports[0].items()})",
            "print('ready', flush=True)",
            "time.sleep(60)",
        ]
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        assert processes_of(tmp_path)

        process.send_signal(signal.SIGKILL)

    until = time.monotonic() + 20
    while processes_of(tmp_path) and time.monotonic() < until:
        time.sleep(0.1)
    assert processes_of(tmp_path) == []


def processes_of(folder: Path) -> list[str]:
    """Command lines that name a folder; a process that has ended and waits to be buried has none."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            found.append(path.read_bytes().decode(errors="replace"))
    return [line for line in found if str(folder) in line]
