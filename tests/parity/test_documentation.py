"""Every block of docs/parity-of-any-graph.md runs, and so does the example of `check`."""

import doctest
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

import vaeport_parity as parity
from tests.documentation import commands, run_command, run_python

pytestmark = pytest.mark.filterwarnings("default")

PAGE = "parity-of-any-graph.md"


def test_every_block_of_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    first, *_ = run_python(PAGE)
    write_companions(first)

    codes = {command: run_command(command) for command in commands(PAGE)}

    assert len(codes) == 3
    assert set(codes.values()) == {0}, codes
    assert (tmp_path / "parity/index.html").is_file()


def write_companions(names: dict[str, object]) -> None:
    """Files that the page's commands name."""
    module, features = names["module"], names["features"]
    assert isinstance(module, torch.nn.Module)
    assert isinstance(features, np.ndarray)
    Path("my_model.py").write_text(
        "import torch\n\ndef build():\n    return torch.nn.Sequential(\n"
        "        torch.nn.Linear(6, 16), torch.nn.GELU(), torch.nn.Linear(16, 3)).eval()\n"
    )
    safetensors.torch.save_file(module.state_dict(), "weights.safetensors")
    Path("original.onnx").write_bytes(Path("candidate.onnx").read_bytes())
    with torch.no_grad():
        np.savez("recorded.npz", features=features, logits=module(torch.from_numpy(features)).numpy())


def test_example_of_check_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tests = doctest.DocTestFinder().find(parity.check, "check", globs={})

    results = [doctest.DocTestRunner().run(test) for test in tests]

    assert sum(result.attempted for result in results) >= 6
    assert not any(result.failed for result in results)
