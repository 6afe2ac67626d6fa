"""Processors that may be used: affinity, cut by the quotas of the container."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from vaeport.sessions.threads import Processors, processors

ALLOWED = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder in place of the system's root, its cgroup mounts still empty."""
    (tmp_path / "sys/fs/cgroup/cpu").mkdir(parents=True)
    (tmp_path / "proc/self").mkdir(parents=True)
    return tmp_path


def _version_2(root: Path, group: str, text: str) -> None:
    folder = root / "sys/fs/cgroup" / group
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cpu.max").write_text(text)


def _version_1(root: Path, group: str, quota: str) -> None:
    folder = root / "sys/fs/cgroup/cpu" / group
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cpu.cfs_quota_us").write_text(f"{quota}\n")
    (folder / "cpu.cfs_period_us").write_text("100000\n")


def _process_is_in(root: Path, text: str) -> None:
    (root / "proc/self/cgroup").write_text(text)


@pytest.mark.parametrize(
    ("text", "quota"),
    [
        ("max 100000\n", None),
        ("100000 100000\n", 1.0),
        ("150000 100000\n", 1.5),
        ("1000 100000\n", 0.01),
        ("", None),
        ("nonsense\n", None),
        ("100000 0\n", None),
        ("-1 100000\n", None),
        ("inf 100000\n", None),
    ],
)
def test_cgroup_version_2_grants_its_quota(text: str, quota: float | None, root: Path) -> None:
    _version_2(root, ".", text)

    assert processors(root).quota == quota


@pytest.mark.parametrize(("text", "quota"), [("-1", None), ("100000", 1.0), ("150000", 1.5), ("0", None)])
def test_cgroup_version_1_grants_its_quota(text: str, quota: float | None, root: Path) -> None:
    _version_1(root, ".", text)

    assert processors(root).quota == quota


def test_own_cgroup_counts_in_version_2(root: Path) -> None:
    _process_is_in(root, "0::/app.slice/service\n")
    _version_2(root, "app.slice/service", "50000 100000\n")
    _version_2(root, "other.slice", "10000 100000\n")

    assert processors(root).quota == 0.5


def test_own_cgroup_counts_in_version_1(root: Path) -> None:
    _process_is_in(root, "5:memory:/elsewhere\n2:cpu,cpuacct:/docker/abc\n0::/\n")
    _version_1(root, "docker/abc", "50000")

    assert processors(root).quota == 0.5


def test_smallest_quota_above_counts(root: Path) -> None:
    _process_is_in(root, "0::/outer/inner\n")
    _version_2(root, "outer/inner", "400000 100000\n")
    _version_2(root, "outer", "200000 100000\n")

    assert processors(root).quota == 2


def test_path_from_outside_of_the_container_means_the_mount_itself(root: Path) -> None:
    _process_is_in(root, "0::/system.slice/docker-abc.scope\n")
    _version_2(root, ".", "200000 100000\n")

    assert processors(root).quota == 2


def test_without_a_cgroup_there_is_no_quota(root: Path) -> None:
    assert processors(root) == Processors(os.cpu_count() or 1, ALLOWED, None)


@pytest.mark.parametrize(
    ("affinity", "quota", "usable"),
    [(8, None, 8), (8, 1.0, 1), (8, 1.5, 2), (8, 0.01, 1), (2, 7.5, 2), (1, 1000.0, 1)],
)
def test_part_of_a_processor_counts_as_one(affinity: int, quota: float | None, usable: int) -> None:
    assert Processors(8, affinity, quota).usable == usable


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system has no CPU affinity")
def test_affinity_to_one_processor_leaves_one() -> None:
    code = """
import os
from vaeport.sessions.threads import usable_processors
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
print(usable_processors())
"""

    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)

    assert answer.stdout == "1\n"
