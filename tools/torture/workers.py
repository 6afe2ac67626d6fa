"""Run thousands of hostile cases in forked workers: whatever kills, hangs or bloats one is a finding, not the end.

A case is a function of its number. It returns in words how it ended, or raises what nobody may ever see.
"""

from __future__ import annotations

import faulthandler
import gc
import mmap
import os
import resource
import select
import signal
import struct
import sys
import time
import traceback
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

Case = Callable[[int], str]
"""Runs the case of a number and says how it ended; whatever it raises is a finding."""

_STARTED = struct.Struct("<qd")
_NOT_STARTED = -1

_DEATH, _SLOW, _LARGE, _RAISED = "died", "slow", "large", "raised"


class PromiseBrokenError(Exception):
    """A case ended as vaeport promises that none does."""


@dataclass(frozen=True)
class Limits:
    """What one case may take."""

    seconds: float = 10.0
    """Processor time, which does not depend on what else the machine does."""
    patience: float = 30.0
    """Wall time after which a case counts as hanging, and its worker is killed."""
    growth: int = 500_000_000
    """Bytes of memory on top of the worker's."""
    cases_a_worker: int = 400
    """Cases after which a fresh worker takes over, so that leaks of a library add up no further."""
    address_space: int = 6 * 2**30
    """Bytes of address space on top of the worker's, so that a bomb spares the machine."""


@dataclass(frozen=True)
class Finding:
    """A case that ended as no case may."""

    index: int
    """Its number."""
    what: str
    """What happened, in one line."""


@dataclass
class Tally:
    """How cases ended."""

    outcomes: Counter[str] = field(default_factory=Counter)
    """How often a case ended in each way."""
    findings: list[Finding] = field(default_factory=list)
    """Cases that broke a promise, in the order of their numbers."""
    slowest: tuple[float, int] = (0.0, _NOT_STARTED)
    """Seconds of processor time of the slowest case that counts, and its number."""

    @property
    def count(self) -> int:
        """Cases that were run."""
        return self.outcomes.total() + len(self.findings)


def run_cases(case: Case, indices: range, *, limits: Limits | None = None, processes: int = 1) -> Tally:
    """Run the cases of some numbers, in forked workers.

    Cases that were too slow or too large are run again, each alone in a fresh worker: only those that are so again are
    findings. What killed a worker or raised is one at once.

    Args:
        case: see `Case`; it must give the same for the same number.
        indices: which numbers.
        limits: what each case may take.
        processes: workers at a time.
    """
    limits = limits or Limits()
    tally, suspects = Tally(), []
    for index, kind, words, seconds in _run(case, indices, limits, processes):
        if kind in (_SLOW, _LARGE):
            suspects.append(index)
        else:
            _count(tally, index, kind, words, seconds)
    for index in suspects:
        for _, kind, words, seconds in _run(case, range(index, index + 1), limits, 1):
            _count(tally, index, kind, words, seconds)
    tally.findings.sort(key=lambda finding: finding.index)
    return tally


Ended = tuple[int, str, str, float]
"""Number, kind of end, words, seconds of processor time."""


def _count(tally: Tally, index: int, kind: str, words: str, seconds: float) -> None:
    if kind:
        tally.findings.append(Finding(index, words))
        return
    tally.outcomes[words] += 1
    tally.slowest = max(tally.slowest, (seconds, index))


@dataclass
class _Worker:
    """A forked process that runs some cases in turn."""

    process: int
    pipe: int
    started: mmap.mmap
    rest: range
    """Cases that have not ended yet."""
    waiting: bytes = b""

    def overdue(self, limits: Limits) -> bool:
        """Whether it has been in one case for far too long."""
        index, since = _STARTED.unpack_from(self.started)
        return bool(index != _NOT_STARTED and time.monotonic() - since > limits.patience)


def _run(case: Case, indices: range, limits: Limits, processes: int) -> Iterable[Ended]:
    step = limits.cases_a_worker
    queue = deque(indices[first : first + step] for first in range(0, len(indices), step))
    working: list[_Worker] = []
    try:
        while queue or working:
            while queue and len(working) < processes:
                working.append(_fork(case, queue.popleft(), limits))
            ready, _, _ = select.select([worker.pipe for worker in working], [], [], 0.2)
            for worker in list(working):
                if worker.pipe in ready:
                    content = os.read(worker.pipe, 1 << 16)
                    yield from _lines(worker, content)
                    if not content:
                        working.remove(worker)
                        yield from _buried(worker, limits)
                        if worker.rest:
                            queue.appendleft(worker.rest)
                elif worker.overdue(limits):
                    os.kill(worker.process, signal.SIGKILL)
    finally:
        for worker in working:
            os.kill(worker.process, signal.SIGKILL)
            os.waitpid(worker.process, 0)


def _lines(worker: _Worker, content: bytes) -> Iterable[Ended]:
    *lines, worker.waiting = (worker.waiting + content).split(b"\n")
    for line in lines:
        index, kind, seconds, words = line.decode("utf-8", "replace").split("\t", 3)
        worker.rest = worker.rest[1:]
        yield int(index), kind, words, float(seconds)


def _buried(worker: _Worker, limits: Limits) -> Iterable[Ended]:
    """A worker has ended; if it died in a case, how."""
    os.close(worker.pipe)
    late = worker.overdue(limits)
    _, status = os.waitpid(worker.process, 0)
    index, since = _STARTED.unpack_from(worker.started)
    worker.started.close()
    if not worker.rest or os.waitstatus_to_exitcode(status) == 0:
        return
    worker.rest = worker.rest[1:]
    seconds = time.monotonic() - since
    if late:
        yield index, _SLOW, f"hangs: killed after {seconds:.0f} s", seconds
    else:
        code = os.waitstatus_to_exitcode(status)
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        yield index, _DEATH, f"kills the process ({how})", seconds


def _fork(case: Case, indices: range, limits: Limits) -> _Worker:
    started = mmap.mmap(-1, _STARTED.size)
    _STARTED.pack_into(started, 0, _NOT_STARTED, 0.0)
    read, write = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    process = os.fork()
    if process:
        os.close(write)
        return _Worker(process, read, started, indices)
    code = 1
    try:
        os.close(read)
        _work(case, indices, limits, write, started)
        code = 0
    finally:
        os._exit(code)


def _work(case: Case, indices: range, limits: Limits, pipe: int, started: mmap.mmap) -> None:
    """The worker's life. It ends early, and cleanly, when a case has left it larger than a fresh one."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    faulthandler.disable()  # the parent tells how a worker died, in one line
    gc.freeze()  # what was inherited lives as long as the worker: looking through it would copy it all
    quiet = os.open(os.devnull, os.O_WRONLY)  # libraries print about what they refuse
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    _bound_address_space(limits.address_space)
    base = _most_resident()
    for index in indices:
        _STARTED.pack_into(started, 0, index, time.monotonic())
        began = time.process_time()
        kind, words = _ended(case, index)
        seconds, grown = time.process_time() - began, _most_resident() - base
        if not kind and seconds > limits.seconds:
            kind, words = _SLOW, f"takes {seconds:.1f} s ({words})"
        if not kind and grown > limits.growth:
            kind, words = _LARGE, f"takes {grown / 1e6:.0f} MB ({words})"
        os.write(pipe, f"{index}\t{kind}\t{seconds:.6f}\t{words}\n".encode("utf-8", "replace"))
        if grown > limits.growth // 2:
            return


def _ended(case: Case, index: int) -> tuple[str, str]:
    try:
        return "", " ".join(case(index).split())
    except BaseException as error:  # noqa: BLE001 - whatever gets out is the finding
        place = traceback.extract_tb(error.__traceback__)[-1]
        words = "".join(c if c.isprintable() else "?" for c in " ".join(str(error).split())[:300])
        return _RAISED, f"{type(error).__name__}: {words} ({Path(place.filename).name}:{place.lineno})"


def _most_resident() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _bound_address_space(growth: int) -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * os.sysconf("SC_PAGE_SIZE") + growth
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def shown(tally: Tally, *, again: str, most: int = 3) -> str:
    """A tally in one line: how cases ended, commonest first, and the first findings with the command for each.

    Args:
        tally: what was counted.
        again: command that makes a case again, `{index}` in place of its number.
        most: findings that are named.
    """
    words = ", ".join(f"{count:,} {outcome}" for outcome, count in tally.outcomes.most_common())
    named = "; ".join(
        f"case {finding.index}: {finding.what} (again: {again.format(index=finding.index)})"
        for finding in tally.findings[:most]
    )
    return f"{words}; {len(tally.findings)} FINDINGS: {named}" if tally.findings else words


def alone(case: Case, index: int, limits: Limits | None = None) -> Tally:
    """One case in a worker of its own."""
    return run_cases(case, range(index, index + 1), limits=replace(limits or Limits(), cases_a_worker=1))
