"""What machine durations were measured on."""

import os
import platform
from pathlib import Path

_ROOT = Path("/")


def machine(root: Path = _ROOT) -> str:
    """Model of the processor and number of cores that the system shows, such as `AMD EPYC 9B45, 2 cores`.

    Args:
        root: where `proc` is mounted.
    """
    cores = os.cpu_count() or 1
    return f"{_model(root)}, {cores} core{'s' * (cores > 1)}"


def _model(root: Path) -> str:
    try:
        lines = (root / "proc/cpuinfo").read_text().splitlines()
    except (OSError, ValueError):
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(filter(None, names), "") or platform.processor() or platform.machine()
