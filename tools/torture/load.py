"""Hold the runtime to its promises under load: the same bits everywhere, steady memory, no more threads than granted.

Every trial is a function that returns what it measured, so that the tests run the same trials, smaller.
"""

import argparse
import hashlib
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

import vaeport
from vaeport.bundle.opening import DEFAULT_BUNDLE
from vaeport.sessions.threads import usable_processors

MOST_GROWTH = 5_000_000
"""Bytes that the memory may grow by after the warm-up."""

_BATCHES = (0, 1, 2, 3, 5, 8, 13, 21, 34)

_CGROUPS = (
    ("sys/fs/cgroup/cpu", {"cpu.cfs_period_us": "100000", "cpu.cfs_quota_us": "100000"}),
    ("sys/fs/cgroup", {"cpu.max": "100000 100000"}),
)

_PATIENCE = 300
"""Seconds after which a forked child counts as hanging."""

_COUNT_THREADS = """
import os, sys, vaeport
import numpy as np
model = vaeport.load(sys.argv[1])
before = len(os.listdir("/proc/self/task"))
model.reconstruct(np.zeros((64, *model.image_shape), np.float32))
print(len(os.listdir("/proc/self/task")) - before)
"""


@dataclass(frozen=True)
class Trial:
    """One promise and whether it was kept."""

    name: str
    """What was tried."""
    measured: str
    """What came out."""
    holds: bool | None
    """Whether that is as promised; None where it could not be tried here."""


Job = tuple[str, int]
"""A verb and a batch size."""

JOBS: tuple[Job, ...] = tuple((verb, n) for verb in ("encode", "decode", "classify", "reconstruct") for n in _BATCHES)


def answer(model: vaeport.Model, job: Job) -> bytes:
    """The bits that a job gives."""
    verb, n = job
    images = np.random.default_rng(n).integers(0, 256, (n, *model.image_shape), np.uint8)
    if verb == "encode":
        encoding = model.encode(images)
        return encoding.z_mean.tobytes() + encoding.z_logvar.tobytes() + encoding.class_probs.tobytes()
    if verb == "classify":
        return "".join(f"{p.label} {p.confidence!r} " for p in model.classify(images).predictions).encode()
    if verb == "decode":
        return model.generate(model.labels[0], n, seed=n).pixels.tobytes()
    return model.reconstruct(images).drawings.pixels.tobytes()


def digest(model: vaeport.Model) -> str:
    """One number for the bits of all jobs."""
    return hashlib.sha256(b"".join(answer(model, job) for job in JOBS)).hexdigest()


def share_between_threads(model: vaeport.Model, *, threads: int, calls: int) -> Trial:
    """Many threads call one model in orders of their own; every answer is compared with a single thread's."""
    expected = {job: answer(model, job) for job in JOBS}
    wrong: list[Job] = []
    failed: list[Exception] = []

    def work(seed: int) -> None:
        try:
            jobs = [JOBS[place] for place in np.random.default_rng(seed).integers(0, len(JOBS), calls)]
            wrong.extend(job for job in jobs if answer(model, job) != expected[job])
        except Exception as error:  # noqa: BLE001 - a thread's error would be lost
            failed.append(error)

    workers = [threading.Thread(target=work, args=(seed,)) for seed in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    measured = f"{threads} x {calls} calls: {len(wrong)} differ, {len(failed)} fail"
    return Trial("threads share a model", measured, not wrong and not failed)


def send_to_processes(model: vaeport.Model, *, spawned: int, forked: int) -> Trial:
    """The model is pickled into spawned processes and inherited by forked ones."""
    expected = digest(model)
    with ProcessPoolExecutor(spawned, multiprocessing.get_context("spawn")) as pool:
        digests = list(pool.map(digest, [model] * spawned))
    digests += _in_forks(lambda: digest(model), forked)
    digests.append(digest(pickle.loads(pickle.dumps(model))))  # noqa: S301 - our own
    same = sum(found == expected for found in digests)
    measured = f"{spawned} spawned, {forked} forked, 1 unpickled here: {same} of {len(digests)} give the same bits"
    return Trial("processes share a model", measured, same == len(digests))


def keep_memory(model: vaeport.Model, *, calls: int, warm_up: int) -> Trial:
    """Calls of all verbs and sizes; resident memory after the warm-up and at the end."""
    for place in range(warm_up):
        answer(model, JOBS[place % len(JOBS)])
    before = _resident()
    most = before
    for place in range(calls):
        answer(model, JOBS[place % len(JOBS)])
        if place % 1000 == 0:
            most = max(most, _resident())
    growth = max(most, _resident()) - before
    measured = f"{calls} calls after {warm_up}: grew by {growth / 1e6:.2f} MB from {before / 1e6:.0f} MB"
    return Trial("memory is steady", measured, growth < MOST_GROWTH)


def stay_idle(bundle: str, *, seconds: float) -> Trial:
    """Processor time of a process that has just used a model with several threads, and now waits."""
    model = vaeport.load(bundle, threads=4)
    for _ in range(50):
        model.reconstruct(np.zeros((256, *model.image_shape), np.float32))
    before = time.process_time()
    time.sleep(seconds)
    used = time.process_time() - before
    return Trial("idle after use", f"{1e3 * used:.2f} ms of processor time in {seconds:g} s", used < 0.005 * seconds)


def run_on_one_processor(bundle: str) -> list[Trial]:
    """Threads that a model starts when the process may use one processor, by affinity and by quota."""
    trials = []
    if hasattr(os, "sched_setaffinity"):
        one = {min(os.sched_getaffinity(0))}
        trials.append(_started("affinity to one processor", bundle, lambda: os.sched_setaffinity(0, one)))
    for mount, settings in _CGROUPS:
        group = Path("/", mount, f"vaeport-torture-{os.getpid()}")
        try:
            group.mkdir()
        except OSError:
            continue
        try:
            if all((group / name).exists() for name in settings):  # the kernel made them, so this is a cgroup
                for name, value in settings.items():
                    (group / name).write_text(value)
                join = partial(_write_own_id, str(group / "cgroup.procs"))
                trials.append(_started(f"quota of one processor ({mount})", bundle, join))
        finally:
            group.rmdir()
    if not any("quota" in trial.name for trial in trials):
        trials.append(Trial("quota of one processor", "no cgroup may be made here", None))
    return trials


def main() -> int:
    """Run all trials; exit code 1 if a promise is broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-b", "--bundle", default=DEFAULT_BUNDLE, help="default: %(default)s")
    parser.add_argument("--calls", type=int, default=200_000, help="calls of the memory trial (default: %(default)s)")
    parser.add_argument("--thread-calls", type=int, default=2000, help="calls of each thread (default: %(default)s)")
    arguments = parser.parse_args()
    model = vaeport.load(arguments.bundle)
    print(f"{model.name} on {model.device}, {usable_processors()} threads", flush=True)
    trials: Sequence[Callable[[], Trial | list[Trial]]] = (
        lambda: run_on_one_processor(arguments.bundle),
        lambda: stay_idle(arguments.bundle, seconds=3),
        lambda: send_to_processes(model, spawned=4, forked=2),
        lambda: share_between_threads(model, threads=8, calls=arguments.thread_calls),
        lambda: keep_memory(model, calls=arguments.calls, warm_up=arguments.calls // 20),
    )
    broken = False
    for trial in trials:
        began = time.perf_counter()
        told = trial()
        for outcome in told if isinstance(told, list) else [told]:
            verdict = {True: "holds", False: "BROKEN", None: "not tried"}[outcome.holds]
            print(f"{outcome.name}: {outcome.measured}; {verdict} ({time.perf_counter() - began:.1f} s)", flush=True)
            broken |= outcome.holds is False
    return int(broken)


def _in_forks(work: Callable[[], str], count: int) -> list[str]:
    """What each of some forked children answers; empty for one that fails or hangs."""
    answers = []
    for _ in range(count if hasattr(os, "fork") else 0):
        read, write = os.pipe()
        child = os.fork()
        if not child:
            try:
                signal.alarm(_PATIENCE)
                os.write(write, work().encode())
            finally:
                os._exit(0)
        os.close(write)
        with os.fdopen(read) as told:
            answers.append(told.read())
        os.waitpid(child, 0)
    return answers


def _resident() -> int:
    """Bytes of this process that are in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _started(name: str, bundle: str, prepare: Callable[[], None]) -> Trial:
    done = subprocess.run(
        [sys.executable, "-c", _COUNT_THREADS, bundle], preexec_fn=prepare, capture_output=True, text=True, check=True
    )
    threads = int(done.stdout)
    return Trial(name, f"{threads} threads started beside the caller's", threads == 0)


def _write_own_id(path: str) -> None:
    with open(path, "w") as file:  # noqa: PTH123 - between fork and exec, as little as possible
        file.write(str(os.getpid()))


if __name__ == "__main__":
    sys.exit(main())
