"""A computation in a process of its own, forked from this one, while this one goes on."""

import contextlib
import os
import pickle
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Generic, TypeVar

T = TypeVar("T")

_LOOK = 0.02  # seconds between two looks at whether it is done
_UNKNOWN = 120.0  # seconds after which a forked process is taken to hang, and the work is done here


class Beside(Generic[T]):
    """The result of a function, computed in a forked process where that is safe; calling it waits.

    Where the process fails, hangs or cannot be made, the function is called here, so that its error is raised here too.

    Args:
        make: the function; what it returns must be picklable.
        folder: where the result is put meanwhile; a folder of its own, which is there.
        begin: whether to start the process; else the function is called when the result is asked for.
    """

    def __init__(self, make: Callable[[], T], folder: Path, *, begin: bool = True) -> None:
        self._make, self._folder = make, folder
        self._lock = threading.Lock()
        self._known: list[T] = []
        self._began = time.monotonic()
        self._pid = self._fork() if begin and _is_safe() else None

    def __call__(self) -> T:
        """The result."""
        with self._lock:
            if not self._known:
                self._known = self._received() or [self._make()]
            return self._known[0]

    def close(self) -> None:
        """End the process, if it is still there."""
        if self._pid is not None:
            with contextlib.suppress(OSError):
                os.kill(self._pid, signal.SIGKILL)
            with contextlib.suppress(OSError):
                os.waitpid(self._pid, 0)
            self._pid = None

    def _received(self) -> list[T]:
        while self._pid is not None:
            pid, status = os.waitpid(self._pid, os.WNOHANG)
            if pid:
                self._pid = None
                if status == 0:
                    return [pickle.loads((self._folder / "result").read_bytes())]  # noqa: S301 - what we wrote
            elif time.monotonic() - self._began > _UNKNOWN:
                self.close()
            else:
                time.sleep(_LOOK)
        return []

    def _fork(self) -> int:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # a progress bar has a thread, which holds nothing
            pid = os.fork()
        if pid:
            return pid
        code = 1
        try:
            nowhere = os.open(os.devnull, os.O_RDWR)
            for stream in (0, 1, 2):
                os.dup2(nowhere, stream)
            with on_one_thread():
                (self._folder / "result").write_bytes(pickle.dumps(self._make()))
            code = 0
        finally:
            os._exit(code)


def _is_safe() -> bool:
    """Whether forking is: on Linux; the child then runs on one thread, and never meets the pools of this process."""
    return sys.platform.startswith("linux")


@contextlib.contextmanager
def on_one_thread() -> Iterator[None]:
    """Inside, PyTorch computes on one thread, where it is imported: the other cores have work of their own."""
    if "torch" not in sys.modules:
        yield
        return
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
