import subprocess
import sys
from pathlib import Path

import pytest

from tests.export.material import edit_onnx, sealed_again
from tests.export.test_mutations import drop_the_last_sigmoid


def pytest_run(bundle: Path, place: Path, *more: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", "--rootdir", str(place)]
    options = ["--vaeport-bundle", str(bundle), "--vaeport-backends", "onnxruntime-all,onnxruntime-cuda"]
    return subprocess.run([*command, *options, *more], cwd=place, capture_output=True, text=True, check=False)


def test_one_test_for_each_backend_and_output(bundles: Path, tmp_path: Path) -> None:
    done = pytest_run(bundles / "narrow", tmp_path)

    assert done.returncode == 0, done.stdout
    assert "6 passed, 1 skipped" in done.stdout
    assert "1 backends are not installed (onnxruntime-cuda); vaeport-parity --backends" in done.stdout


@pytest.mark.parametrize("graph", ["decoder"])
def test_wrong_graph_fails_with_its_place(graph: str, copy: Path, tmp_path: Path) -> None:
    edit_onnx(copy, graph, drop_the_last_sigmoid)

    done = pytest_run(sealed_again(copy), tmp_path)

    assert done.returncode == 1, done.stdout
    assert f"first wrong at fp32/{graph}/model.onnx" in done.stdout
    assert "3 failed, 3 passed, 1 skipped" in done.stdout


def test_bundle_that_cannot_be_opened_is_one_sentence(tmp_path: Path) -> None:
    done = pytest_run(tmp_path / "nowhere", tmp_path)

    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert done.stderr.count("nowhere") == 1
    assert "failed" not in done.stdout


def test_broken_seal_fails_in_one_sentence(copy: Path, tmp_path: Path) -> None:
    edit_onnx(copy, "decoder", drop_the_last_sigmoid)

    done = pytest_run(copy, tmp_path)

    assert done.returncode == 1, done.stdout
    assert "broken seal, fp32/decoder/model.onnx is not the file that was sealed" in done.stdout
    assert "1 failed" in done.stdout
    assert "passed" not in done.stdout


def test_unknown_precision_is_one_sentence(bundles: Path, tmp_path: Path) -> None:
    done = pytest_run(bundles / "narrow", tmp_path, "--vaeport-precision", "int8")

    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "has no precision 'int8'; it has fp32" in done.stderr
