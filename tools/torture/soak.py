"""Soak: threads mix calls of every verb for minutes, bad inputs among good, forks at times, every outcome compared.

The soak runs in a process of its own, so that its memory, threads and files are its own, and a crash is seen.
"""

import argparse
import collections
import gc
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

from tools.torture.calls import Call, make_calls
from tools.torture.trial import Trial

THREADS = 8

SECONDS_A_CALL = 600 / 500_000
"""Time that a soak takes for each call that is asked for, unless told otherwise: 10 minutes for 500,000."""

MOST_GROWTH = 5_000_000
"""Bytes that resident memory may grow by after the warm-up."""

_ALLOCATOR = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "131072"}
"""Makes glibc give freed memory back at once: by default it keeps up to 32 MB a thread, whose rise hides a leak."""

_ROOT = Path(__file__).resolve().parents[2]
_BUNDLES = {"tiny": _ROOT / "tests/runtime/tiny", "mnist-blog": _ROOT / "models/mnist-blog"}

_WARM_UP = 0.2
"""Share of the time after which memory is expected to be steady."""

_WINDOWS = 8
"""Parts that the time after the warm-up is cut into; the median of each one's samples is compared."""

_SAMPLES_A_SECOND = 10
_CHILD_CALLS = 60
_PATIENCE = 120
"""Seconds after which a forked child, or a thread that should have ended, counts as hanging."""

_MOST_FAILURES = 10
"""A soak ends at so many: the first ones are what is looked at."""


@dataclass
class Record:
    """What a soak saw; travels as JSON from its process."""

    calls: int = 0
    """Calls that were made and compared."""
    bad: int = 0
    """Those of them with bad inputs."""
    kinds: int = 0
    """Different calls that were mixed."""
    seconds: float = 0.0
    """Wall time of the mixing."""
    failures: list[str] = field(default_factory=list)
    """Wrong outcomes and unexpected errors of the threads, by call, thread and seed."""
    forks: int = 0
    """Children that were forked while the threads called."""
    fork_failures: list[str] = field(default_factory=list)
    """What children reported, or how they ended."""
    memory: list[float] = field(default_factory=list)
    """Median of resident bytes in each window after the warm-up."""
    threads: tuple[int, int] = (0, 0)
    """Threads of the process before and after."""
    files: tuple[int, int] = (0, 0)
    """Open file descriptors before and after."""


def run(count: int, *, seed: int = 0, seconds: float | None = None, processor: int | None = None) -> list[Trial]:
    """Soak in a process of its own.

    Args:
        count: calls that must be made in the time.
        seed: decides which thread makes which calls in which order.
        seconds: how long; None for `SECONDS_A_CALL` for each call.
        processor: the one processor that the process may use; None for all of this process's.
    """
    seconds = count * SECONDS_A_CALL if seconds is None else seconds
    command = [sys.executable, "-m", "tools.torture.soak", "--raw", "--seconds", str(seconds), "--seed", str(seed)]
    command += [] if processor is None else ["--processor", str(processor)]
    began = time.perf_counter()
    environment = {**os.environ, **_ALLOCATOR}
    done = subprocess.run(command, cwd=_ROOT, env=environment, capture_output=True, text=True, check=False)
    took = time.perf_counter() - began
    if done.returncode:
        ended = f"the soak ended with code {done.returncode}: {done.stderr.strip()[-300:]}; seed {seed}"
        return [Trial("soak", "the process lives", 0, ended, False, took)]
    return _judge(Record(**json.loads(done.stdout)), count, took)


def soak(seconds: float, *, seed: int = 0, threads: int = THREADS) -> Record:
    """Mix calls in this process, which should have no other threads and use no memory beside.

    Args:
        seconds: how long; making the expected outcomes before comes on top.
        seed: as of `run`.
        threads: how many call at once.
    """
    record = Record()
    with tempfile.TemporaryDirectory() as folder:
        calls, close = make_calls({name: path for name, path in _BUNDLES.items() if path.is_dir()}, Path(folder))
        expected = [call.outcome() for call in calls]
        expected = [call.outcome() for call in calls]  # first calls open sessions; these show that they change nothing
        before = _settled("task"), _settled("fd")
        _mix(record, calls, expected, seconds, seed, threads)
        after = _settled("task"), _settled("fd")
        close()
    record.kinds = len(calls)
    record.threads, record.files = (before[0], after[0]), (before[1], after[1])
    return record


def difference(call: Call, expected: bytes) -> str:
    """How a call's outcome differs from the expected one; empty where it does not."""
    try:
        found = call.outcome()
    except Exception as error:  # noqa: BLE001 - a thread's error would be lost
        return f"{call.name}: {type(error).__name__}: {error}"
    if found == expected:
        return ""
    if call.bad:
        return f"{call.name}: said {found[:200]!r} instead of {expected[:200]!r}"
    return f"{call.name}: other bits ({len(found)} bytes, expected {len(expected)})"


def forked(work: Callable[[], str]) -> str:
    """What a forked child says, or how it ended if it did not end well."""
    read, write = os.pipe()
    child = os.fork()
    if not child:
        code = 1
        try:
            os.close(read)
            signal.alarm(_PATIENCE)
            os.write(write, work().encode()[:4000])
            code = 0
        finally:
            os._exit(code)
    os.close(write)
    with os.fdopen(read, "rb") as told:
        said = told.read().decode(errors="replace")
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    ending = "hangs" if code == -signal.SIGALRM else f"ended with code {code}"
    return said if code == 0 else f"{ending}; {said}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Soak and print what came out; exit code 1 if a promise is broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=500_000, help="calls to reach (default: %(default)s)")
    parser.add_argument("--seconds", type=float, help="how long to mix them (default: 600 for 500,000 calls)")
    parser.add_argument("--seed", type=int, default=0, help="decides the order of calls (default: %(default)s)")
    parser.add_argument("--processor", type=int, help="number of the one processor to use (default: all)")
    parser.add_argument("--raw", action="store_true", help="soak in this process and print what was seen as JSON")
    options = parser.parse_args(arguments)
    if options.raw:
        if options.processor is not None:
            os.sched_setaffinity(0, {options.processor})
        print(json.dumps(asdict(soak(options.seconds or options.calls * SECONDS_A_CALL, seed=options.seed))))
        return 0
    trials = run(options.calls, seed=options.seed, seconds=options.seconds, processor=options.processor)
    for trial in trials:
        verdict = {True: "holds", False: "BROKEN", None: "not tried"}[trial.holds]
        print(f"{trial.name} ({trial.asked}): {trial.measured}; {verdict}")
    return int(any(trial.holds is False for trial in trials))


def _judge(record: Record, count: int, took: float) -> list[Trial]:
    def trial(name: str, asked: str, tried: int, measured: str, holds: bool | None) -> Trial:
        return Trial(f"soak: {name}", asked, tried, measured, holds, took)

    rate = record.calls / max(record.seconds, 1e-9)
    made = (
        f"{record.calls} calls of {record.kinds} kinds in {record.seconds:.0f} s ({rate:.0f} a second), "
        f"{record.bad} of them bad inputs: {len(record.failures)} wrong"
    )
    growth = max(record.memory, default=0.0) - record.memory[0] if record.memory else 0.0
    windows = ", ".join(f"{size / 1e6:.1f}" for size in record.memory)
    (tasks, tasks_after), (files, files_after) = record.threads, record.files
    return [
        trial(
            f"{THREADS} threads, mixed calls",
            f"{count} calls or more, each answer equal to the bit, each bad input refused in its own words",
            record.calls,
            "; ".join([made, *record.failures[:3]]),
            not record.failures and record.calls >= count,
        ),
        trial(
            "forks among the calls",
            "every child answers as its parent does",
            record.forks,
            "; ".join([f"{record.forks} children: {len(record.fork_failures)} wrong", *record.fork_failures[:3]]),
            not record.fork_failures if record.forks else None,
        ),
        trial(
            "memory",
            f"grows by less than {MOST_GROWTH // 1_000_000} MB after the warm-up",
            len(record.memory),
            f"grew by {growth / 1e6:.2f} MB (medians of resident MB in {len(record.memory)} windows: {windows})",
            growth < MOST_GROWTH if record.memory else None,
        ),
        trial(
            "threads and files",
            "no more after than before",
            record.calls,
            f"threads {tasks} then {tasks_after}, open files {files} then {files_after}",
            tasks_after <= tasks and files_after <= files if tasks else None,
        ),
    ]


class _Shared:
    """What the threads of a soak share: when to stop, how many calls each made, what went wrong."""

    def __init__(self, threads: int) -> None:
        self.stop = threading.Event()
        self.made = [0] * threads
        self.bad = [0] * threads
        self.failures: collections.deque[str] = collections.deque(maxlen=1000)

    def fail(self, told: str) -> None:
        self.failures.append(told)
        if len(self.failures) >= _MOST_FAILURES:
            self.stop.set()


def _mix(record: Record, calls: list[Call], expected: list[bytes], seconds: float, seed: int, threads: int) -> None:
    shared = _Shared(threads)
    shared.failures.extend(
        f"{call.name}: not refused"
        for call, outcome in zip(calls, expected, strict=True)
        if call.bad and outcome == b"not refused"
    )
    workers = [
        threading.Thread(target=_work, args=(shared, calls, expected, seed, number), daemon=True)
        for number in range(threads)
    ]
    began = time.perf_counter()
    for worker in workers:
        worker.start()
    samples = _watch(record, shared, partial(_child, calls, expected), began, seconds, seed)
    record.seconds = time.perf_counter() - began
    shared.stop.set()
    for worker in workers:
        worker.join(_PATIENCE)
        if worker.is_alive():
            shared.failures.append(f"{worker.name} hangs for {_PATIENCE} s")
    record.calls, record.bad = sum(shared.made), sum(shared.bad)
    record.failures = list(shared.failures)
    steady = [size for at, size in samples if at >= _WARM_UP * seconds]
    if len(steady) >= _WINDOWS:
        cut = [steady[len(steady) * w // _WINDOWS : len(steady) * (w + 1) // _WINDOWS] for w in range(_WINDOWS)]
        record.memory = [statistics.median(window) for window in cut]


def _work(shared: _Shared, calls: list[Call], expected: list[bytes], seed: int, number: int) -> None:
    """One thread: calls by their weights, in an order of its own."""
    chance = random.Random(f"{seed} {number}")  # noqa: S311 - no secret
    weights = [call.weight for call in calls]
    while not shared.stop.is_set():
        for place in chance.choices(range(len(calls)), weights, k=200):
            if shared.stop.is_set():
                return
            call = calls[place]
            told = difference(call, expected[place])
            if told:
                shared.fail(f"{told} (seed {seed}, thread {number}, call {shared.made[number]})")
            shared.made[number] += 1
            shared.bad[number] += call.bad


def _watch(
    record: Record, shared: _Shared, child: Callable[[random.Random], str], began: float, seconds: float, seed: int
) -> list[tuple[float, int]]:
    """Sample the memory and fork now and then until the time is up; (seconds since the start, resident bytes)."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    every = max(0.5, min(5.0, seconds / 10))
    samples: list[tuple[float, int]] = []
    next_fork = every
    while (at := time.perf_counter() - began) < seconds and not shared.stop.wait(1 / _SAMPLES_A_SECOND):
        samples.append((at, _resident()))
        if at >= next_fork and hasattr(os, "fork"):
            told = forked(partial(child, chance))
            record.forks += 1
            if told:
                record.fork_failures.append(f"child {record.forks}: {told} (seed {seed})")
                if len(record.fork_failures) >= _MOST_FAILURES:
                    break
            next_fork = time.perf_counter() - began + every
    return samples


def _child(calls: list[Call], expected: list[bytes], chance: random.Random) -> str:
    """What a forked child finds different in a few calls."""
    places = chance.choices(range(len(calls)), [call.weight for call in calls], k=_CHILD_CALLS)
    return "; ".join(told for place in places if (told := difference(calls[place], expected[place])))


def _settled(kind: str) -> int:
    """Fewest entries of /proc/self/task or fd in a second; 0 where the system has none.

    A thread that was joined stays listed a moment longer.
    """
    gc.collect()
    if not Path("/proc/self", kind).is_dir():
        return 0
    counts = []
    for _ in range(20):
        counts.append(len(list(Path("/proc/self", kind).iterdir())))
        time.sleep(0.05)
    return min(counts)


def _resident() -> int:
    """Bytes of this process that are in memory."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except FileNotFoundError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    sys.exit(main())
