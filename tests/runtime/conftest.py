"""What the runtime's tests share."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import vaeport
from tests.runtime.terminal import Terminal


@pytest.fixture
def tiny_model(tiny_bundle: Path) -> vaeport.Model:
    """The tiny bundle, ready to answer on the CPU."""
    return vaeport.load(tiny_bundle, threads=1)


@pytest.fixture
def gradient() -> NDArray[np.uint8]:
    """uint8 [4, 4]: sixteen levels from 0 to 240, the border mostly dark."""
    levels = np.array([[0, 16, 32, 48], [80, 240, 224, 64], [96, 208, 192, 112], [144, 128, 160, 176]], np.uint8)
    levels[3] = [10, 20, 30, 40]
    return levels


@pytest.fixture
def vaeport_command(capsys: pytest.CaptureFixture[str]) -> Terminal:
    """The command `vaeport` in this process."""
    return Terminal(capsys)


@pytest.fixture
def digit(tmp_path: Path, gradient: NDArray[np.uint8]) -> Path:
    """An image file that the tiny bundle can classify."""
    Image.fromarray(gradient).save(tmp_path / "digit.png")
    return tmp_path / "digit.png"
