"""Processors that may be used: affinity, cut by the container's quota."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from vaeport import threads
from vaeport.threads import usable_processors

ALLOWED = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@pytest.fixture
def cgroup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in place of the system's own cgroup files, still empty."""
    monkeypatch.setattr(threads, "_CGROUP_V2", tmp_path / "cpu.max")
    monkeypatch.setattr(threads, "_CGROUP_V1", tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("max 100000\n", ALLOWED),
        ("100000 100000\n", 1),
        ("150000 100000\n", min(2, ALLOWED)),
        ("1000 100000\n", 1),
        ("100000000 100000\n", ALLOWED),
        ("", ALLOWED),
        ("nonsense\n", ALLOWED),
        ("100000 0\n", ALLOWED),
        ("-1 100000\n", ALLOWED),
    ],
)
def test_cgroup_version_2_cuts(text: str, expected: int, cgroup: Path) -> None:
    (cgroup / "cpu.max").write_text(text)

    assert usable_processors() == expected


@pytest.mark.parametrize(
    ("quota", "expected"), [("-1", ALLOWED), ("100000", 1), ("150000", min(2, ALLOWED)), ("0", ALLOWED)]
)
def test_cgroup_version_1_cuts(quota: str, expected: int, cgroup: Path) -> None:
    (cgroup / "cpu.cfs_quota_us").write_text(f"{quota}\n")
    (cgroup / "cpu.cfs_period_us").write_text("100000\n")

    assert usable_processors() == expected


def test_without_a_cgroup_affinity_alone_counts(cgroup: Path) -> None:
    assert not list(cgroup.iterdir())
    assert usable_processors() == ALLOWED


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system has no CPU affinity")
def test_affinity_to_one_processor_leaves_one() -> None:
    code = """
import os
from vaeport.threads import usable_processors
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
print(usable_processors())
"""

    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)

    assert answer.stdout == "1\n"
