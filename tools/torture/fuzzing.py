"""Fuzz every reader of a stranger's bytes, steered by its branches: no exception but a VaeportError may get out.

An input that failed again: python -m tools.torture.fuzz.process TARGET FILE
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .fuzz.corpus import write_corpus, write_words
from .fuzz.targets import TARGETS, Target
from .trial import Trial

ASKED = "0 crashes, 0 uncaught exceptions"

_ROOT = Path(__file__).parents[2]
_SECONDS_A_CASE, _MEGABYTES = 10, 3000
_START = 300
"""Seconds on top for imports and for the case under way at the end."""

_EXECUTED = re.compile(r"stat::number_of_executed_units:\s*(\d+)")
_COVERED = re.compile(r"cov: (\d+) ft: (\d+)")
_EXCEPTION = re.compile(r"^ ?=== Uncaught Python exception: ===\s*\n(.+)$", re.MULTILINE)
_CRASH = re.compile(r"ERROR: (libFuzzer: .+|AddressSanitizer: .+)$", re.MULTILINE)


def run(count: int = 600, *, seed: int = 0, processes: int = 1) -> list[Trial]:
    """Fuzz all targets.

    Args:
        count: seconds of fuzzing in all, shared evenly between the targets.
        seed: for other inputs; how many are tried in the time depends on the machine.
        processes: targets at a time.
    """
    if not can_fuzz():
        reason = "atheris is not installed here (it runs on Linux, x86-64)"
        return [Trial(f"fuzzing: {name}", ASKED, 0, reason, None, 0.0) for name in TARGETS]
    seconds = max(count // len(TARGETS), 1)
    with ThreadPoolExecutor(processes) as pool:
        return list(pool.map(lambda target: fuzz(target, seconds=seconds, seed=seed), TARGETS.values()))


def can_fuzz() -> bool:
    """Whether atheris is installed."""
    return importlib.util.find_spec("atheris") is not None


def fuzz(target: Target, *, seconds: int, seed: int = 0) -> Trial:
    """Fuzz one target in a process of its own."""
    began = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="vaeport-fuzz-"))
    try:
        seeds, found, artefacts = (folder / name for name in ("seeds", "found", "artefacts"))
        write_corpus(target.name, seeds)
        write_words(target.name, folder / "words")
        found.mkdir()
        artefacts.mkdir()
        options = {
            "max_total_time": seconds,
            "timeout": _SECONDS_A_CASE,
            "rss_limit_mb": _MEGABYTES,
            "max_len": target.most,
            "seed": seed + 1,  # 0 would draw one
            "dict": folder / "words",
            "artifact_prefix": f"{artefacts}/",
            "print_final_stats": 1,
        }
        command = [sys.executable, "-m", "tools.torture.fuzz.process", target.name]
        command += [f"-{name}={value}" for name, value in options.items()]
        log, code = _run([*command, str(found), str(seeds)], folder, seconds + _START)
        return _trial(target, log, code, sorted(artefacts.iterdir()), time.monotonic() - began)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(command: list[str], folder: Path, limit: float) -> tuple[str, int | None]:
    """What a process printed, and its exit code; None where it had to be killed. Its temporary files go to a folder."""
    own = {**os.environ, "TMPDIR": str(folder), "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, cwd=_ROOT, env=own, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        try:
            _, printed = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            process.kill()
            _, printed = process.communicate()
            return printed.decode("utf-8", "replace"), None
    return printed.decode("utf-8", "replace"), process.returncode


def _trial(target: Target, log: str, code: int | None, artefacts: list[Path], seconds: float) -> Trial:
    executed = max((int(number) for number in _EXECUTED.findall(log)), default=0)
    covered, features = max(((int(a), int(b)) for a, b in _COVERED.findall(log)), default=(0, 0))
    measured = f"{executed:,} inputs, {covered:,} branches and {features:,} features reached"
    holds = code == 0 and not artefacts and executed > 0
    if not holds:
        problem = _EXCEPTION.search(log) or _CRASH.search(log)
        said = problem[1] if problem else " ".join(log.splitlines()[-3:])
        measured += f"; {said:.300} ({'killed' if code is None else f'exit code {code}'})"
        measured += f"; kept as {_kept(target, artefacts[0])}" if artefacts else ""
    return Trial(f"fuzzing: {target.name}", ASKED, executed, measured, holds, seconds)


def _kept(target: Target, artefact: Path) -> Path:
    """A copy of the input that failed, for whoever mends it."""
    kept = Path(tempfile.mkdtemp(prefix=f"vaeport-fuzz-{target.name}-")) / artefact.name
    shutil.copyfile(artefact, kept)
    return kept


def main() -> int:
    """Fuzz all targets, or those that are named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("targets", nargs="*", choices=[*TARGETS, []], help="default: all")
    parser.add_argument("--seconds", type=int, default=120, help="for each target (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="for other inputs (default: %(default)s)")
    arguments = parser.parse_args()
    broken = False
    for name in arguments.targets or TARGETS:
        trial = fuzz(TARGETS[name], seconds=arguments.seconds, seed=arguments.seed)
        print(f"{trial.name}: {trial.measured} ({trial.seconds:.0f} s)", flush=True)
        broken |= not trial.holds
    return int(broken)


if __name__ == "__main__":
    sys.exit(main())
