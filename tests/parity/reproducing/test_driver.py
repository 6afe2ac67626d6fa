"""Reproducers as a comparison makes them: in a report, and by `--reproducer`."""

import json
from pathlib import Path

import numpy as np
import onnx
import pytest

from tests.parity.reproducing.planted import planted, rows
from tests.parity.reproducing.test_reproducer import relu, transposing
from vaeport_parity import check
from vaeport_parity.backends import BACKENDS
from vaeport_parity.cli import main
from vaeport_parity.judging.figures import Figures
from vaeport_parity.judging.report import Row
from vaeport_parity.reproducing.driver import reproducers
from vaeport_parity.reproducing.packing import FILES
from vaeport_parity.subjects.subject import Graph, InputSet, Subject
from vaeport_parity.subjects.tensors import Arrays, input_specs, output_specs

NAME = "planted-Transpose"


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A network, and a backend that is wrong on it."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    monkeypatch.setitem(BACKENDS, NAME, planted("Transpose", tmp_path / "site"))
    onnx.save(transposing(), tmp_path / "net.onnx")
    onnx.save(relu(), tmp_path / "innocent.onnx")
    np.savez(tmp_path / "inputs.npz", x=rows(40))
    return tmp_path


def test_nothing_is_made_unless_it_is_wanted(files: Path) -> None:
    report = check(
        files / "net.onnx", reference=str(files / "net.onnx"), inputs={"x": rows()}, backends=NAME, locate=False
    )

    assert not report.holds
    assert report.backends[0].reproducers == ()


def test_backend_that_holds_gets_none(files: Path) -> None:
    report = check(
        files / "innocent.onnx",
        reference=str(files / "innocent.onnx"),
        inputs={"x": rows()},
        backends=NAME,
        reproduce="all",
    )

    assert report.holds, report
    assert report.backends[0].reproducers == ()


@pytest.mark.parametrize(
    ("option", "place"),
    [("--reproducer", f"out/{NAME}-graph"), ("--report", f"out/reproducers/{NAME}-graph")],
    ids=["reproducer", "report"],
)
def test_command_writes_it_and_says_where(
    option: str, place: str, files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--reference", str(files / "net.onnx"), "--inputs", str(files / "inputs.npz"), "--backends", NAME]

    code = main([str(files / "net.onnx"), *words, "--no-locate", option, str(files / "out")])

    assert code == 1
    assert {path.name for path in (files / place).iterdir()} == set(FILES)
    if option == "--report":
        report = json.loads((files / "out/parity.json").read_text())
        assert report["backends"][0]["reproducers"] == [f"{NAME}-graph"]
    assert f"{place}: 1 node (Transpose) of 6 show it" in capsys.readouterr().err


def _never(backend: str, graph: str, model: onnx.ModelProto, inputs: Arrays, *, limit: float) -> tuple[None, str]:
    return None, "it is not run"


class _Raising:
    any_inputs = True
    words = "a reference"
    has_noise = True

    def answers(self, *_: object, **__: object) -> Arrays:
        raise RuntimeError("the weights are gone")


def test_reference_that_raises_does_not_end_the_comparison() -> None:
    """Whatever a reference does while a reproducer is made, the report stands."""
    model = transposing()
    content = model.SerializeToString()
    graph = Graph("g", content, "g.onnx", input_specs(model), output_specs(model), _Raising())
    subject = Subject("s", (graph,), (InputSet("probes", "g", {"x": rows()}),))
    row = Row(NAME, "g", "y", Figures(1.0, 1.0, 1.0, 1.0, 1.0, (), 0.0), 1e-6, 4e-6, 5, worst=("probes", 2))

    (made,) = reproducers(subject, NAME, [row], run=_never, limit=5.0)

    assert not made.files
    assert made.text == "no reproducer: the weights are gone"
