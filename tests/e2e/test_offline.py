"""Once installed, vaeport opens no socket and writes nothing but what it was asked for."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.e2e.environments import Environment

pytestmark = [
    pytest.mark.wheel,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="strace and network namespaces are Linux's"),
    pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed"),
]

_CHANGES = "open openat creat mkdir mkdirat rename renameat renameat2 unlink unlinkat link linkat symlink symlinkat"
_WATCHED = ",".join(["network", *_CHANGES.split()])
_WRITING = re.compile(rf"^\d+ +({'|'.join(_CHANGES.split())})\(")
_READ_ONLY = re.compile(r"\bO_RDONLY\b|\bO_PATH\b")

SESSION = (
    ("doctor",),
    ("info",),
    ("verify",),
    ("classify", "digit.png", "--json"),
    ("generate", "7", "-o", "out/seven.png"),
    ("reconstruct", "digit.png", "-o", "out/pair.png"),
    ("restyle", "digit.png", "-o", "out/hand.png"),
    ("interpolate", "digit.png", "digit.png", "-o", "out/way.gif"),
    ("style-grid", "-o", "out/grid.png"),
    ("dataset", "-n", "2", "-o", "out/set"),
)
"""A command of each verb that writes or reads."""


@pytest.fixture(scope="module")
def traced(cpu: Environment) -> tuple[Path, dict[str, list[str]]]:
    """The folder that the session ran in, and the system calls of each of its commands."""
    home, work = cpu.folder / "home", cpu.folder / "offline"
    home.mkdir()
    (work / "out").mkdir(parents=True)
    Image.fromarray(np.eye(28, dtype=np.uint8) * 255).save(work / "digit.png")
    calls = {}
    for verb, *rest in SESSION:
        log = cpu.folder / f"{verb}.strace"
        strace = ["strace", "-f", "-qq", "-y", "-e", f"trace={_WATCHED}", "-e", "signal=none", "-o", str(log)]
        command = [*_alone(), *strace, str(cpu.scripts / "vaeport"), verb, *rest]
        clean = {"PATH": os.environ["PATH"], "HOME": str(home), "TMPDIR": str(home), "LANG": "C.UTF-8"}
        done = subprocess.run(command, cwd=work, env=clean, capture_output=True, text=True, check=False, timeout=300)
        if "ptrace" in done.stderr and done.returncode:
            pytest.skip(f"strace may not watch here: {done.stderr.strip()}")
        assert (done.returncode, done.stderr) == (0, "")
        calls[verb] = log.read_text().splitlines()
    return work, calls


@pytest.mark.parametrize("verb", [verb for verb, *_ in SESSION])
def test_no_socket_is_opened(verb: str, traced: tuple[Path, dict[str, list[str]]]) -> None:
    _, calls = traced

    assert len(calls[verb]) > 100  # strace saw the files being read
    assert [line for line in calls[verb] if re.search(r"\b(socket|connect|bind|sendto|sendmsg)\(", line)] == []


@pytest.mark.parametrize("verb", [verb for verb, *_ in SESSION])
def test_nothing_is_written_but_the_output(verb: str, traced: tuple[Path, dict[str, list[str]]]) -> None:
    work, calls = traced
    writes = [
        line
        for line in calls[verb]
        if _WRITING.match(line) and not _READ_ONLY.search(line) and " = -1 " not in line and "/dev/null" not in line
    ]

    outside = [line for line in writes if f"{work}/out/" not in line and '"out/' not in line]
    assert outside == []
    assert bool(writes) == (verb in {"generate", "reconstruct", "restyle", "interpolate", "style-grid", "dataset"})


def test_home_and_temporary_folder_stay_empty(cpu: Environment, traced: tuple[Path, dict[str, list[str]]]) -> None:
    assert list((cpu.folder / "home").iterdir()) == []
    assert sorted(path.name for path in (traced[0] / "out").iterdir()) == [
        "grid.png",
        "hand.png",
        "pair.png",
        "set",
        "seven.png",
        "way.gif",
    ]


def _alone() -> list[str]:
    """What runs a command in a network namespace of its own, where that is allowed."""
    unshare = shutil.which("unshare")
    if not unshare or subprocess.run([unshare, "-rn", "true"], check=False, timeout=60).returncode:
        return []
    return [unshare, "-rn"]
