"""The demo is what everybody runs first: it must end well, and understand what the commands print."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tools import demo

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    "command",
    [
        ["vaeport", "verify", "mnist-blog"],
        ["vaeport-parity", "mnist-blog", "--backends", "onnxruntime-all", "--data", "none", "--precision", "fp32"],
    ],
    ids=lambda command: command[0],
)
def test_demo_reads_what_a_comparison_prints(command: list[str]) -> None:
    program = Path(sys.executable).with_name(command[0])
    done = subprocess.run([program, *command[1:], "--json"], capture_output=True, text=True, check=True)

    assert demo._compared(json.loads(done.stdout)).startswith("holds: at most ")


@pytest.mark.torture
def test_demo_ends_with_its_pictures(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "tools/demo.py", "--out", tmp_path / "demo"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-2000:]
    assert {"digits.png", "redrawn.png", "classified.png", "samples.png", "losses.png", "report.md"} <= {
        path.name for path in (tmp_path / "demo").iterdir()
    }
