"""The process of one backend: started, limited in time, and ended with all that it started."""

import contextlib
import os
import signal
import subprocess
from pathlib import Path

from ..backends.base import Facts, environment_of
from .environments import interpreter_of

PAST_TIME_LIMIT = "ran past its time limit"
"""What is said of a backend that was ended for its slowness."""

_NOT_INHERITED = ("PYTHONPATH", "PYTHONHOME")  # they would bring this environment's packages into another


def run_worker(facts: Facts, folder: Path, seconds: float, limit: float) -> str | None:
    """Run the worker over the job in a folder.

    Args:
        facts: of the backend, which say where it is installed and what its process needs.
        folder: holds `job.json`; what the process prints is added to `output.txt`.
        seconds: after which it is ended, and whatever it started.
        limit: what is said of that.

    Returns:
        None if it ended well, else how it ended.
    """
    interpreter = interpreter_of(facts)
    variables = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "ORT_DISABLE_TELEMETRY": "1", **facts.variables}
    own = environment_of(facts)
    inherited = {key: value for key, value in os.environ.items() if key not in _NOT_INHERITED}
    environment = {**inherited, **variables, "PATH": f"{own / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"}
    folder = folder.absolute()
    command = [str(interpreter), "-P", str(Path(__file__).absolute().with_name("worker.py")), str(folder)]
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
        try:
            code = process.wait(max(seconds, 0))
        except subprocess.TimeoutExpired:
            return f"{PAST_TIME_LIMIT} of {limit:g} s"
        finally:
            _end(process)
    if code == 0:
        return None
    if code < 0:
        return f"died of {signal.Signals(-code).name}"
    lines = (folder / "output.txt").read_text(errors="replace").strip().splitlines()
    return f"ended with exit code {code}: {lines[-1][:300] if lines else 'without a word'}"


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process and whatever it started, however this one goes on."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
