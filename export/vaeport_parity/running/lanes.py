"""Tasks side by side on a few threads, each of which waits for a process: as many as there are cores."""

import os
import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from types import TracebackType
from typing import Any, TypeVar

from .process import end_workers

T = TypeVar("T")

_MOST = 4  # more backends at once take more memory than they save time
_PATIENCE = 50  # times that workers are ended until all threads are idle


def usable_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Lanes:
    """Threads that take chains of tasks from a queue; the tasks of a chain run one after the other.

    A context manager: an exception inside ends all workers; tasks that have not begun are cancelled.

    Args:
        count: how many; None takes one for each core, four at most.
    """

    def __init__(self, count: int | None = None) -> None:
        self._queue: queue.SimpleQueue[list[tuple[Future[Any], Callable[[], Any]]] | None] = queue.SimpleQueue()
        self._stopped = threading.Event()
        # They do not keep a program from ending; its workers are ended when it does.
        self._threads = [
            threading.Thread(target=self._work, name=f"lane-{number}", daemon=True)
            for number in range(count or min(usable_cores(), _MOST))
        ]
        for thread in self._threads:
            thread.start()

    def add(self, chain: Sequence[Callable[[], T]]) -> list[Future[T]]:
        """Run some tasks one after the other as soon as a thread is free.

        Returns:
            What becomes of each, in their order.
        """
        tasks: list[tuple[Future[Any], Callable[[], Any]]] = [(Future(), task) for task in chain]
        self._queue.put(tasks)
        return [future for future, _ in tasks]

    def __enter__(self) -> "Lanes":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        for _ in self._threads:
            self._queue.put(None)
        for _ in range(_PATIENCE):
            if not any(thread.is_alive() for thread in self._threads):
                break
            if error is not None:
                end_workers()
            for thread in self._threads:
                thread.join(0.1)

    def _work(self) -> None:
        while (chain := self._queue.get()) is not None:
            for future, task in chain:
                if self._stopped.is_set():
                    future.cancel()
                    continue
                try:
                    future.set_result(task())
                except BaseException as error:  # noqa: BLE001 - whoever waits for it gets it
                    future.set_exception(error)
