"""A process that has imported the slow packages once, and forks a fresh one for every run of a backend.

Importing PyTorch takes seconds, and the search for a node runs dozens of parts of a graph. A fork is as apart from the
others as a process of its own: what crashes or hangs takes nothing else along.
"""

import atexit
import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

WORKER = Path(__file__).absolute().with_name("worker.py")
"""The program that a backend's interpreter runs."""

_MOST_SERVERS = 4
_STARTED_WITHIN = 120.0  # seconds for the imports, on a busy machine


class ForkServer:
    """Starts the worker of one interpreter once and lets it fork.

    Args:
        interpreter: Python of the backend.
        environment: its environment variables.
    """

    def __init__(self, interpreter: Path, environment: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            [str(interpreter), "-P", str(WORKER), "--serve"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=dict(environment),
            start_new_session=True,
        )
        self._buffer = b""
        self._pending = False
        self._lock = threading.Lock()

    @property
    def busy(self) -> bool:
        """Whether a worker of it is running."""
        return self._lock.locked()

    @property
    def alive(self) -> bool:
        """Whether it can be asked."""
        return self._process.poll() is None

    def run(self, folder: Path, modules: Sequence[str], seconds: float) -> int | None:
        """Fork a worker over the job in a folder and wait for it.

        Args:
            folder: holds `job.json`; what the worker prints is added to `output.txt`.
            modules: imported before the fork, where they are installed.
            seconds: after which the worker is ended, and whatever it started.

        Returns:
            Its exit code, negative for a signal; None where the time was not enough.

        Raises:
            OSError: the server itself has died.
        """
        with self._lock:
            self._send({"folder": str(folder), "modules": list(modules)})
            pid = int(self._receive(_STARTED_WITHIN)["pid"])
            try:
                return int(self._receive(seconds)["code"])
            except TimeoutError:
                return None
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(pid, signal.SIGKILL)
                self._drain()

    def kill(self) -> None:
        """End it under whoever waits for its worker, who then ends that too."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def close(self) -> None:
        """End it."""
        self.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                with contextlib.suppress(OSError):
                    pipe.close()

    def _send(self, message: Mapping[str, object]) -> None:
        if self._process.stdin is None:
            raise OSError("no pipe to the worker")
        self._process.stdin.write(json.dumps(message).encode() + b"\n")
        self._process.stdin.flush()
        self._pending = True

    def _receive(self, seconds: float) -> dict[str, int]:
        if self._process.stdout is None:
            raise OSError("no pipe from the worker")
        until = time.monotonic() + max(seconds, 0)
        while b"\n" not in self._buffer:
            ready, _, _ = select.select([self._process.stdout], [], [], max(until - time.monotonic(), 0))
            if not ready:
                raise TimeoutError
            more = os.read(self._process.stdout.fileno(), 65536)
            if not more:
                raise OSError("the worker has ended")
            self._buffer += more
        line, _, self._buffer = self._buffer.partition(b"\n")
        message: dict[str, int] = json.loads(line)
        self._pending = "code" not in message
        return message

    def _drain(self) -> None:
        """Take the exit code of a worker that was ended, so that the next answer is the next worker's."""
        while self._pending:
            self._receive(_STARTED_WITHIN)


def fork_server(interpreter: Path, environment: Mapping[str, str], group: str = "") -> ForkServer | None:
    """A server that is not busy, started if need be; None where forking is not safe.

    Args:
        interpreter: Python of the backend.
        environment: its environment variables.
        group: name of what shares a server; what is imported for one run, all later ones of its group have.
    """
    if not sys.platform.startswith("linux"):
        return None
    key = (str(interpreter), tuple(sorted(environment.items())), group)
    with _LOCK:
        _SERVERS[:] = [(each, server) for each, server in _SERVERS if server.alive]
        for place, (each, server) in enumerate(_SERVERS):
            if each == key and not server.busy:
                _SERVERS.append(_SERVERS.pop(place))
                return server
        _make_room()
        server = ForkServer(interpreter, environment)
        _SERVERS.append((key, server))
        return server


def close_busy() -> None:
    """End the servers whose worker is running, with that."""
    with _LOCK:
        for _, server in _SERVERS:
            if server.busy:
                server.kill()


def _make_room() -> None:
    """End the servers that were used longest ago: each has the memory of PyTorch."""
    for entry in list(_SERVERS):
        if len(_SERVERS) >= _MOST_SERVERS and not entry[1].busy:
            _SERVERS.remove(entry)
            entry[1].close()


def _close_all() -> None:
    for _, server in _SERVERS:
        server.close()
    _SERVERS.clear()


_SERVERS: list[tuple[tuple[str, tuple[tuple[str, str], ...], str], ForkServer]] = []  # used last, last
_LOCK = threading.Lock()
atexit.register(_close_all)
