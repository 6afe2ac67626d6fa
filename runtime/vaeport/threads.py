"""How many processors this process may use: its CPU affinity, cut by the quota of its container."""

import math
import os
from pathlib import Path

_CGROUP_V2 = Path("/sys/fs/cgroup/cpu.max")
_CGROUP_V1 = Path("/sys/fs/cgroup/cpu")


def usable_processors() -> int:
    """Processors that this process may run on, at least 1."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _cgroup_quota()
    return max(1, allowed if quota is None else min(allowed, math.ceil(quota)))


def _cgroup_quota() -> float | None:
    """Processors that the cgroup grants, None where it sets no bound."""
    try:
        if _CGROUP_V2.is_file():
            quota, period = _CGROUP_V2.read_text().split()[:2]
        else:
            quota, period = ((_CGROUP_V1 / f"cpu.cfs_{part}_us").read_text().strip() for part in ("quota", "period"))
        share = float(quota) / float(period)
    except (OSError, ValueError, ZeroDivisionError):
        return None  # "max" in version 2, or no such controller: no bound
    return share if share > 0 else None
