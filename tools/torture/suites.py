"""A test suite as a trial: how many of its cases passed."""

import re
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tools.torture.trial import Trial

ROOT = Path(__file__).resolve().parents[2]
_COUNT = re.compile(r"(\d+) (passed|failed|error|skipped|xfailed|xpassed)")


def run_suite(name: str, asked: str, arguments: Sequence[str]) -> Trial:
    """Run pytest in a process of its own.

    Args:
        name: of the trial.
        asked: what is promised.
        arguments: paths and options for pytest.
    """
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    lines = done.stdout.strip().splitlines() or ["pytest said nothing"]
    counts = {kind: int(number) for number, kind in _COUNT.findall(lines[-1])}
    failed = next((line for line in lines if line.startswith(("FAILED", "ERROR"))), lines[-1])
    holds = done.returncode == 0 and counts.get("passed", 0) > 0
    measured = ", ".join(f"{number} {kind}" for kind, number in counts.items()) if holds else failed
    return Trial(name, asked, counts.get("passed", 0), measured, holds, time.perf_counter() - began)
