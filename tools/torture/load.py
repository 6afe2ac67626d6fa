"""Hold the runtime to its promises under load: the same bits everywhere, steady memory, no more threads than granted.

Every trial is a function, so that the tests run the same trials, smaller.
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
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np

import vaeport
from tools.torture.trial import Trial
from vaeport.bundle.opening import DEFAULT_BUNDLE
from vaeport.sessions.threads import usable_processors

MOST_GROWTH = 5_000_000
"""Bytes that the memory may grow by after the warm-up."""

_BATCHES = (0, 1, 2, 3, 5, 8, 13, 21, 34)

_CGROUPS = (
    ("sys/fs/cgroup/cpu", {"cpu.cfs_period_us": "100000", "cpu.cfs_quota_us": "100000"}),
    ("sys/fs/cgroup", {"cpu.max": "100000 100000"}),
)

_NO_THREAD = "no thread is started beside the caller's"

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
    began = time.perf_counter()
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
    asked, holds = "every answer has the bits of a single thread's", not wrong and not failed
    return Trial("threads share a model", asked, threads * calls, measured, holds, time.perf_counter() - began)


def send_to_processes(model: vaeport.Model, *, spawned: int, forked: int) -> Trial:
    """The model is pickled into spawned processes and inherited by forked ones."""
    began = time.perf_counter()
    expected = digest(model)
    with ProcessPoolExecutor(spawned, multiprocessing.get_context("spawn")) as pool:
        digests = list(pool.map(digest, [model] * spawned))
    digests += _in_forks(lambda: digest(model), forked)
    digests.append(digest(pickle.loads(pickle.dumps(model))))  # noqa: S301 - our own
    same = sum(found == expected for found in digests)
    measured = f"{spawned} spawned, {forked} forked, 1 unpickled here: {same} of {len(digests)} give the same bits"
    asked, holds = "all give the same bits", same == len(digests)
    return Trial("processes share a model", asked, len(digests), measured, holds, time.perf_counter() - began)


def keep_memory(model: vaeport.Model, *, calls: int, warm_up: int) -> Trial:
    """Calls of all verbs and sizes; resident memory after the warm-up and at the end."""
    began = time.perf_counter()
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
    asked, holds = f"grows by less than {MOST_GROWTH // 1_000_000} MB after the warm-up", growth < MOST_GROWTH
    return Trial("memory is steady", asked, calls, measured, holds, time.perf_counter() - began)


def stay_idle(bundle: str, *, seconds: float) -> Trial:
    """Processor time of a process that has just used a model with several threads, and now waits."""
    began = time.perf_counter()
    model = vaeport.load(bundle, threads=4)
    for _ in range(50):
        model.reconstruct(np.zeros((256, *model.image_shape), np.float32))
    before = time.process_time()
    time.sleep(seconds)
    used = time.process_time() - before
    measured = f"{1e3 * used:.2f} ms of processor time in {seconds:g} s"
    asked, holds = "waiting threads use less than 0.5 % of a processor", used < 0.005 * seconds
    return Trial("idle after use", asked, 1, measured, holds, time.perf_counter() - began)


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
        trials.append(Trial("quota of one processor", _NO_THREAD, 0, "no cgroup may be made here", None, 0.0))
    return trials


def run(count: int, *, seed: int = 0, bundle: str = "mnist-blog", thread_calls: int | None = None) -> list[Trial]:
    """All trials of this file.

    Args:
        count: calls of the memory trial; the warm-up before takes a twentieth more.
        seed: as of all trials; here every order is fixed.
        bundle: path or name.
        thread_calls: calls of each of eight threads; None for a hundredth of `count`.
    """
    del seed
    return [trial for trials in _trials(count, bundle, thread_calls) for trial in trials]


def main() -> int:
    """Run all trials; exit code 1 if a promise is broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-b", "--bundle", default=DEFAULT_BUNDLE, help="default: %(default)s")
    parser.add_argument("--calls", type=int, default=200_000, help="calls of the memory trial (default: %(default)s)")
    parser.add_argument("--thread-calls", type=int, default=2000, help="calls of each thread (default: %(default)s)")
    options = parser.parse_args()
    print(f"{options.bundle}, {usable_processors()} threads", flush=True)
    broken = False
    for trials in _trials(options.calls, options.bundle, options.thread_calls):
        for trial in trials:
            verdict = {True: "holds", False: "BROKEN", None: "not tried"}[trial.holds]
            print(f"{trial.name}: {trial.measured}; {verdict} ({trial.seconds:.1f} s)", flush=True)
            broken |= trial.holds is False
    return int(broken)


def _trials(count: int, bundle: str, thread_calls: int | None) -> Iterator[list[Trial]]:
    """The trials' outcomes, as they come; processes of one processor first, while this one has no threads."""
    yield run_on_one_processor(bundle)
    yield [stay_idle(bundle, seconds=3)]
    with vaeport.load(bundle) as model:
        yield [send_to_processes(model, spawned=4, forked=2)]
        yield [share_between_threads(model, threads=8, calls=count // 100 if thread_calls is None else thread_calls)]
        yield [keep_memory(model, calls=count, warm_up=count // 20)]


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
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", _COUNT_THREADS, bundle], preexec_fn=prepare, capture_output=True, text=True, check=True
    )
    threads = int(done.stdout)
    measured = f"{threads} threads started beside the caller's"
    return Trial(name, _NO_THREAD, 1, measured, threads == 0, time.perf_counter() - began)


def _write_own_id(path: str) -> None:
    with open(path, "w") as file:  # noqa: PTH123 - between fork and exec, as little as possible
        file.write(str(os.getpid()))


if __name__ == "__main__":
    sys.exit(main())
