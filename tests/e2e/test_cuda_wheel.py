"""The CUDA wheel on a machine without a GPU: what was asked for is refused aloud, and `auto` says what it got."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.e2e.environments import CHECKOUT, Environment, make_environment, must_run

pytestmark = [
    pytest.mark.torture,
    pytest.mark.skipif(shutil.which("nvidia-smi") is not None, reason="this machine may have a GPU"),
]


@pytest.fixture(scope="module")
def cuda(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment with vaeport[cuda]."""
    environment = make_environment(tmp_path_factory.mktemp("cuda"), f"{wheel}[cuda]")
    Image.fromarray(np.eye(28, dtype=np.uint8) * 255).save(environment.folder / "digit.png")
    return environment


@pytest.mark.parametrize("device", ["cuda", "cuda:1"])
def test_cuda_without_a_gpu_ends_with_3_and_says_why(device: str, cuda: Environment) -> None:
    answer = cuda.run("vaeport", "classify", "digit.png", "--device", device)

    assert (answer.returncode, answer.stdout) == (3, "")
    assert f"device '{device}' was asked for, but onnxruntime could not start CUDA (" in answer.stderr
    assert answer.stderr.count("\n") == 1


def test_auto_says_that_it_got_the_cpu(cuda: Environment) -> None:
    code = """
import vaeport
model = vaeport.load("mnist-blog", device="auto")
print(model.device, *model.providers)
print(len(model.generate("7", 2)))
"""

    assert cuda.evaluate(code) == "cpu CPUExecutionProvider\n2\n"


def test_doctor_says_why_cuda_will_not_start(cuda: Environment) -> None:
    answer = json.loads(cuda.run("vaeport", "doctor", "--json").stdout)

    assert "CUDAExecutionProvider" in answer["providers"]
    assert answer["cuda"].startswith("Failed to load ")
    assert answer["holds"] is True


def test_doctor_finds_both_wheels(cuda: Environment) -> None:
    pip = [str(cuda.scripts / "python"), "-m", "pip", "install", "--quiet", "-c", str(CHECKOUT / "constraints.txt")]
    must_run([*pip, "onnxruntime"])

    answer = cuda.run("vaeport", "doctor")

    assert answer.returncode == 1
    assert "onnxruntime and onnxruntime-gpu are both installed and overwrite each other" in answer.stdout
