"""Odd cgroup files: lines of other forms, paths with colons and dots, bytes that are no text."""

import os
from pathlib import Path

import pytest

from vaeport.sessions.threads import Processors, processors, usable_processors


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder in place of the system's root."""
    (tmp_path / "sys/fs/cgroup/cpu").mkdir(parents=True)
    (tmp_path / "proc/self").mkdir(parents=True)
    return tmp_path


def _quota(root: Path, group: str, processors: float) -> None:
    folder = root / "sys/fs/cgroup" / group
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cpu.max").write_text(f"{int(processors * 100_000)} 100000 and more\n")


def _is_in(root: Path, content: bytes) -> None:
    (root / "proc/self/cgroup").write_bytes(content)


@pytest.mark.parametrize(
    ("content", "group"),
    [
        (b"0::/a/b\n", "a/b"),
        (b"0::/a:b/c\n", "a:b/c"),
        (b"0::/../a/./b/\n", "a/b"),
        (b"nonsense\n1:only one\n0::/a/b\n", "a/b"),
        (b"3:memory:/x\n0::/a\n", "a"),
        (b"2:cpuset,cpu,cpuacct:/a\n", "cpu/a"),
    ],
)
def test_own_group_is_found_in_its_line(content: bytes, group: str, root: Path) -> None:
    _is_in(root, content)
    _quota(root, group, 0.5)
    _quota(root, ".", 3)
    _quota(root, "cpu", 4)

    assert processors(root).quota == 0.5


@pytest.mark.parametrize("content", [b"\xff\xfe\n", b"", b"one:two\n"])
def test_without_a_line_of_its_own_the_top_counts(content: bytes, root: Path) -> None:
    _is_in(root, content)
    _quota(root, ".", 2)
    _quota(root, "a", 0.5)

    assert processors(root).quota == 2


def test_bounds_between_the_group_and_the_top_count_and_others_do_not(root: Path) -> None:
    _is_in(root, b"0::/a/b/c\n")
    (root / "sys/fs/cgroup/a/b/c").mkdir(parents=True)
    _quota(root, "a/b", 2)
    _quota(root, "a", 1.5)
    _quota(root, "a/x", 0.5)

    assert processors(root).quota == 1.5
    _quota(root, ".", 1)
    assert processors(root).quota == 1


def test_bounds_of_both_versions_count(root: Path) -> None:
    _quota(root, ".", 3)
    (root / "sys/fs/cgroup/cpu/cpu.cfs_quota_us").write_text("250000\n")
    (root / "sys/fs/cgroup/cpu/cpu.cfs_period_us").write_text("100000\n")

    assert processors(root).quota == 2.5


@pytest.mark.parametrize("name", ["cpu.cfs_quota_us", "cpu.cfs_period_us"])
def test_half_of_a_bound_is_none(name: str, root: Path) -> None:
    (root / "sys/fs/cgroup/cpu" / name).write_text("100000\n")

    assert processors(root).quota is None


@pytest.mark.parametrize(
    ("affinity", "quota", "usable"), [(4, None, 4), (4, 2.0, 2), (4, 2.1, 3), (2, 2.0, 2), (0, None, 1), (4, 0.0, 1)]
)
def test_usable_is_the_smaller_bound_and_at_least_one(affinity: int, quota: float | None, usable: int) -> None:
    assert Processors(9, affinity, quota).usable == usable


def test_machine_that_does_not_count_its_processors_has_one(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)

    assert processors(root) == Processors(1, 1, None)


def test_machine_without_affinity_may_use_all(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)

    assert processors(root) == Processors(6, 6, None)


def test_this_process_may_use_what_its_system_says() -> None:
    assert usable_processors() == processors(Path("/")).usable >= 1
