"""The process of one backend: started, limited in time, and ended with all that it started."""

import atexit
import contextlib
import os
import signal
import subprocess
from pathlib import Path

from ..backends.base import Facts, environment_of
from .environments import interpreter_of
from .forks import WORKER, ForkServer, close_busy, fork_server

PAST_TIME_LIMIT = "ran past its time limit"
"""What is said of a backend that was ended for its slowness."""

_NOT_INHERITED = ("PYTHONPATH", "PYTHONHOME")  # they would bring this environment's packages into another

_GROUPS = {"torch": "torch", "onnx": "", "onnxruntime": ""}
"""Backends whose modules get on in one process share a server, by its group; any other has one of its own."""

_RUNNING: set["subprocess.Popen[bytes]"] = set()


def server_group(facts: Facts) -> str:
    """What names the server that forks a backend's workers; empty where that is quick to start."""
    return _GROUPS.get(facts.module, facts.name)


def end_workers() -> None:
    """End every worker that is running, and whatever it started."""
    for process in list(_RUNNING):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    close_busy()


def run_worker(facts: Facts, folder: Path, seconds: float, limit: float, *, forked: bool = False) -> str | None:
    """Run the worker over the job in a folder.

    Args:
        facts: of the backend, which say where it is installed and what its process needs.
        folder: holds `job.json`; what the process prints is added to `output.txt`.
        seconds: after which it is ended, and whatever it started.
        limit: what is said of that.
        forked: whether a backend with an environment of its own is forked too from a process that has imported it,
            which saves time where it is run often.

    Returns:
        None if it ended well, else how it ended.
    """
    interpreter = interpreter_of(facts)
    variables = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "ORT_DISABLE_TELEMETRY": "1", **facts.variables}
    environment = {key: value for key, value in os.environ.items() if key not in _NOT_INHERITED} | variables
    if facts.has_environment:
        environment["PATH"] = f"{environment_of(facts) / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
    folder = folder.absolute()
    group = server_group(facts)
    alone = facts.emulator or facts.own_environment or (facts.has_environment and not forked)
    server = None if alone else fork_server(Path(str(interpreter)), environment, group)
    if server is not None:
        code = _forked(server, facts, folder, seconds)
    else:
        # An older version's environment may have Python 3.10, which does not know -P.
        apart = "-I" if facts.own_environment and not facts.architecture else "-P"
        command = [*facts.emulator, str(interpreter), apart, str(WORKER), str(folder)]
        code = _started(command, folder, environment, seconds)
    if code is None:
        return f"{PAST_TIME_LIMIT} of {limit:g} s"
    if code == 0:
        return None
    if code < 0:
        return f"died of {signal.Signals(-code).name}"
    output = folder / "output.txt"
    lines = output.read_text(errors="replace").strip().splitlines() if output.is_file() else []
    return f"ended with exit code {code}: {lines[-1][:300] if lines else 'without a word'}"


def _forked(server: ForkServer, facts: Facts, folder: Path, seconds: float) -> int | None:
    try:
        return server.run(folder, [*([facts.module] if facts.module else []), *facts.imports], seconds)
    except OSError:
        server.close()
        return 1


def _started(command: list[str], folder: Path, environment: dict[str, str], seconds: float) -> int | None:
    """Exit code of a process of its own; None where the time was not enough."""
    with (folder / "output.txt").open("ab") as output:
        process = subprocess.Popen(
            command,
            stdout=output,
            stderr=output,
            stdin=subprocess.DEVNULL,
            env=environment,
            cwd=folder,  # some converters leave files where they are run
            start_new_session=True,
        )
        _RUNNING.add(process)
        try:
            return process.wait(max(seconds, 0))
        except subprocess.TimeoutExpired:
            return None
        finally:
            _end(process)
            _RUNNING.discard(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process and whatever it started, however this one goes on."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


atexit.register(end_workers)
