"""The command `vaeport-parity`: graphs, pairs, and what it refuses before anything slow is imported."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.parity.networks import changed_weight
from vaeport_parity.cli import main

pytestmark = pytest.mark.filterwarnings("default")


def test_graph_against_another_one(written: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = written / "classifier.onnx"
    bad = changed_weight(source, tmp_path / "bad.onnx", 1.01)
    options = ["--reference", str(source), "--backends", "onnxruntime-all"]

    assert main([str(source), *options, "--report", str(tmp_path / "report"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["reports"][0]["yardstick"] == "classifier.onnx"
    assert (tmp_path / "report/junit.xml").is_file()
    assert main([str(bad), *options]) == 1
    assert "onnxruntime-all" in capsys.readouterr().out


def test_pair_of_graphs_with_a_reference_each(written: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [str(written / "classifier.onnx"), str(written / "tagger.onnx")]
    references = [word for file in files for word in ("--reference", file)]

    assert main([*files, *references, "--backends", "onnxruntime-all", "--json"]) == 0

    rows = json.loads(capsys.readouterr().out)["reports"][0]["rows"]
    assert {row["graph"] for row in rows} == {"classifier", "tagger"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["a.onnx"], "a.onnx needs something to compare with; give --reference"),
        (["a.onnx", "b.onnx", "--reference", "c.onnx"], "got 2 ONNX file(s) and 1 reference(s)"),
        (["a.onnx", "--reference", "c.onnx", "--seal"], "--seal goes with a bundle"),
        (["models/x", "--weights", "w.safetensors"], "--weights goes with ONNX files"),
        (["a.onnx", "--reference", "c.onnx", "--range", "x=1"], "--range x=1: give NAME=LOW:HIGH"),
        (["a.onnx", "--reference", "c.onnx", "--tolerance", "x"], "--tolerance x: give a number"),
        (["a.onnx", "--reference", "c.onnx"], "no ONNX file at a.onnx"),
    ],
)
def test_usage_is_refused_in_one_sentence(
    arguments: list[str],
    words: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)

    assert main(arguments) == 2

    said = capsys.readouterr().err
    assert words in said
    assert said.count("\n") == 1


def test_help_needs_neither_torch_nor_onnx() -> None:
    code = (
        "import sys\nfrom vaeport_parity.cli import main\ntry:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "sys.exit(any(name in sys.modules for name in ('torch', 'onnx', 'onnxruntime')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.returncode == 0
    assert "unpickles" in done.stdout
