"""Run something hostile in a child of this process, and tell what it raised, how much memory it took, and how long."""

import json
import os
import resource
import signal
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass

MOST_MEGABYTES = 500
MOST_SECONDS = 10
_DEADLINE = 60


@dataclass(frozen=True)
class Outcome:
    """What became of a case."""

    error: str
    """Name of the exception's type; empty where none was raised."""
    message: str
    """What it said."""
    megabytes: float
    """Growth of the largest resident memory."""
    seconds: float
    """Processor time."""


def contained(action: Callable[[], object]) -> Outcome:
    """Run an action in a forked child.

    Args:
        action: what to run.

    Raises:
        AssertionError: the child was ended by a signal, its deadline among them.
    """
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # newer Pythons warn of threads beside a fork
        child = os.fork()
    if not child:
        os.close(reading)
        signal.alarm(_DEADLINE)
        if "torch" in sys.modules:  # its threads stayed with the parent, and a parallel loop would wait for them
            sys.modules["torch"].set_num_threads(1)
        os.write(writing, json.dumps(_measured(action)).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        content = pipe.read()
    _, status = os.waitpid(child, 0)
    assert status == 0, f"the child ended with signal {os.WTERMSIG(status)}"
    return Outcome(**json.loads(content))


def assert_refused(action: Callable[[], object], error: type[Exception], fragment: str) -> None:
    """Hold that an action raises an error of one line with a fragment in it, within memory and time."""
    outcome = contained(action)
    assert (outcome.error, fragment in outcome.message) == (error.__name__, True), outcome
    assert "\n" not in outcome.message
    assert outcome.megabytes <= MOST_MEGABYTES
    assert outcome.seconds <= MOST_SECONDS


def _measured(action: Callable[[], object]) -> dict[str, object]:
    before = resource.getrusage(resource.RUSAGE_SELF)
    error, message = "", ""
    try:
        action()
    except BaseException as raised:  # noqa: BLE001 - whatever comes is what the test asks about
        error, message = type(raised).__name__, str(raised)
    after = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "error": error,
        "message": message,
        "megabytes": (after.ru_maxrss - before.ru_maxrss) / 1024,
        "seconds": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
    }
