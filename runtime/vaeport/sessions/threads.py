"""How many processors this process may use: its CPU affinity, cut by the quota of its container.

The quota is that of the process's own cgroup and of every cgroup above it, the smallest counts (Linux: cgroups(7);
`cpu.max` in version 2, `cpu.cfs_quota_us` and `cpu.cfs_period_us` in version 1).
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_ROOT = Path("/")


@dataclass(frozen=True)
class Processors:
    """What bounds the threads of this process."""

    present: int
    """Processors of the machine."""
    affinity: int
    """Processors that the scheduler may put this process on."""
    quota: float | None
    """Processors' worth of time that its cgroups grant; None for no bound."""

    @property
    def usable(self) -> int:
        """Threads that can really run at once, at least 1."""
        return max(1, self.affinity if self.quota is None else min(self.affinity, math.ceil(self.quota)))


def processors(root: Path = _ROOT) -> Processors:
    """Ask the system.

    Args:
        root: where `proc` and `sys` are mounted.
    """
    present = os.cpu_count() or 1
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else present
    return Processors(present, affinity, min(_quotas(root), default=None))


def usable_processors() -> int:
    """Processors that this process may run on, at least 1."""
    return processors().usable


def _quotas(root: Path) -> Iterator[float]:
    """Bounds of all cgroups that this process is in."""
    for top, inner in _cgroups(root):
        own = top.joinpath(*inner)
        # A container often sees its own cgroup as the top, while /proc tells its path outside.
        group = own if own.is_dir() else top
        while True:
            share = _share(group)
            if share is not None:
                yield share
            if group == top:
                break
            group = group.parent


def _cgroups(root: Path) -> Iterator[tuple[Path, list[str]]]:
    """Mounts of the CPU controller, and the process's place below each."""
    mounts = root / "sys/fs/cgroup"
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except (OSError, ValueError):
        lines = []
    places = {
        controller: [part for part in path.split("/") if part not in ("", ".", "..")]
        for _, controllers, path in (line.split(":", 2) for line in lines if line.count(":") >= 2)
        for controller in controllers.split(",")
    }
    yield mounts, places.get("", [])
    yield mounts / "cpu", places.get("cpu", [])


def _share(group: Path) -> float | None:
    """Processors that one cgroup grants, None where it sets no bound."""
    try:
        if (group / "cpu.max").is_file():
            quota, period = (group / "cpu.max").read_text().split()[:2]
        else:
            quota, period = ((group / f"cpu.cfs_{part}_us").read_text().strip() for part in ("quota", "period"))
        share = float(quota) / float(period)
    except (OSError, ValueError, ZeroDivisionError):
        return None  # "max" in version 2, -1 in version 1, or no such controller
    return share if share > 0 and math.isfinite(share) else None
