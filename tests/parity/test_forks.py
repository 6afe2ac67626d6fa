"""Workers that are forked from one server: each apart from the others, whatever becomes of it."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from vaeport_parity.running.forks import ForkServer, fork_server

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="workers are forked on Linux only")

ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
LONG, SHORT = 60.0, 2.0

PLUGIN = """
import os, signal, subprocess, sys, time
from pathlib import Path

from vaeport_parity.backends.base import Facts


class Strange:
    facts = Facts("strange")

    def version(self):
        {body}
        return "1"

    def load(self, graph):
        raise ValueError("there is nothing to load")


BACKEND = Strange()
"""

Job = Callable[[str], Path]


@pytest.fixture
def server() -> Iterator[ForkServer]:
    server = ForkServer(Path(sys.executable), ENVIRONMENT)
    yield server
    server.close()


@pytest.fixture
def job(tmp_path: Path) -> Job:
    """Makes a folder with a job for a backend that runs some lines of Python instead of telling its version."""

    def make(body: str) -> Path:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        lines = textwrap.indent(textwrap.dedent(body).strip(), " " * 8).strip()
        (folder / "strange.py").write_text(PLUGIN.replace("{body}", lines))
        file = str(folder / "strange.py")
        backend = {"name": "strange", "module": "strange", "attribute": "BACKEND", "file": file}
        values: dict[str, Any] = {"backend": backend, "graphs": {}, "sets": {}, "steps": [], "skip": [], "chain": None}
        (folder / "job.json").write_text(json.dumps(values))
        return folder

    return make


def version_told(folder: Path) -> str:
    lines = (folder / "log.jsonl").read_text().splitlines()
    return str(json.loads(lines[0])["version"])


def is_running(pid: int) -> bool:
    """Whether a process is there and no zombie, which only its parent can take away."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def ends(pid: int) -> bool:
    """Whether a process ends within a few seconds: SIGKILL takes effect a moment after it was sent."""
    until = time.monotonic() + 10
    while is_running(pid) and time.monotonic() < until:
        time.sleep(0.02)
    return not is_running(pid)


def test_job_is_done(server: ForkServer, job: Job) -> None:
    folder = job("pass")

    assert server.run(folder, [], LONG) == 0
    assert version_told(folder) == "1"


def test_crash_is_told_by_its_signal_and_the_next_job_is_done(server: ForkServer, job: Job) -> None:
    assert server.run(job("os.kill(os.getpid(), signal.SIGSEGV)"), [], LONG) == -signal.SIGSEGV
    assert server.alive

    assert server.run(job("pass"), [], LONG) == 0


def test_failure_outside_the_steps_is_told_by_exit_code_and_output(server: ForkServer, job: Job) -> None:
    folder = job("raise KeyError('no such thing')")

    assert server.run(folder, [], LONG) == 1
    assert "no such thing" in (folder / "output.txt").read_text()


def test_worker_past_its_limit_is_ended_and_the_next_job_is_done(server: ForkServer, job: Job) -> None:
    folder = job("Path('pid').write_text(str(os.getpid()))\ntime.sleep(600)")
    began = time.monotonic()

    assert server.run(folder, [], SHORT) is None

    assert SHORT <= time.monotonic() - began < SHORT + 20
    assert ends(int((folder / "pid").read_text()))
    assert server.run(job("pass"), [], LONG) == 0


def test_worker_that_is_given_no_time_is_ended_before_it_has_begun(server: ForkServer, job: Job) -> None:
    began = time.monotonic()

    codes = [server.run(job("time.sleep(600)"), [], 0) for _ in range(20)]

    assert codes == [None] * 20
    assert time.monotonic() - began < 60
    assert server.run(job("pass"), [], LONG) == 0


@pytest.mark.parametrize(
    ("rest", "seconds", "code"), [("pass", LONG, 0), ("time.sleep(600)", SHORT, None), ("os._exit(3)", LONG, 3)]
)
def test_what_a_worker_started_ends_with_it(
    rest: str, seconds: float, code: int | None, server: ForkServer, job: Job
) -> None:
    folder = job(f"child = subprocess.Popen(['sleep', '600'])\nPath('child').write_text(str(child.pid))\n{rest}")

    assert server.run(folder, [], seconds) == code

    assert ends(int((folder / "child").read_text()))


def test_each_job_has_a_fresh_process(server: ForkServer, job: Job) -> None:
    body = """
    Path('pid').write_text(str(os.getpid()))
    told, os.environ['TOLD'], sys.told = os.environ.get('TOLD'), 'yes', getattr(sys, 'told', 0) + 1
    Path('seen').write_text(f'{told} {sys.told} {os.getcwd()}')
    """
    first, second = job(body), job(body)

    assert [server.run(folder, [], LONG) for folder in (first, second)] == [0, 0]

    assert (first / "pid").read_text() != (second / "pid").read_text()
    assert [(folder / "seen").read_text() for folder in (first, second)] == [f"None 1 {first}", f"None 1 {second}"]


def test_modules_are_imported_once_for_all_later_jobs(server: ForkServer, job: Job) -> None:
    body = "Path('seen').write_text(str('sqlite3' in sys.modules))"
    before, after, missing = job(body), job(body), job("pass")

    assert server.run(before, [], LONG) == 0
    assert server.run(missing, ["sqlite3", "there_is_no_such_module"], LONG) == 0
    assert server.run(after, [], LONG) == 0

    assert [(folder / "seen").read_text() for folder in (before, after)] == ["False", "True"]


def test_groups_have_servers_of_their_own_and_share_no_modules(job: Job) -> None:
    body = "Path('seen').write_text(str('sqlite3' in sys.modules))"
    python, marked = Path(sys.executable), {**ENVIRONMENT, "VAEPORT_TEST_SERVER": "groups"}
    one, again, other = fork_server(python, marked), fork_server(python, marked), fork_server(python, marked, "plug-in")
    assert one is not None
    assert other is not None
    assert one is again
    folder = job(body)
    try:
        assert other.run(job("pass"), ["sqlite3"], LONG) == 0
        assert one.run(folder, [], LONG) == 0
    finally:
        one.close()
        other.close()

    assert (folder / "seen").read_text() == "False"


def test_server_that_died_in_a_job_is_an_error_and_is_started_again(job: Job) -> None:
    marked = {**ENVIRONMENT, "VAEPORT_TEST_SERVER": "dies"}
    server = fork_server(Path(sys.executable), marked)
    assert server is not None
    assert fork_server(Path(sys.executable), marked) is server

    with pytest.raises(OSError, match="ended|Broken pipe"):
        server.run(job("os.kill(os.getppid(), signal.SIGKILL)\ntime.sleep(600)"), [], LONG)
    server.close()

    again = fork_server(Path(sys.executable), marked)
    assert again is not None
    assert again is not server
    try:
        assert again.run(job("pass"), [], LONG) == 0
    finally:
        again.close()


def test_worker_ends_with_a_server_that_died(server: ForkServer, job: Job) -> None:
    folder = job("Path('pid').write_text(str(os.getpid()))\nos.kill(os.getppid(), signal.SIGKILL)\ntime.sleep(600)")

    with pytest.raises(OSError, match="ended"):
        server.run(folder, [], LONG)

    assert ends(int((folder / "pid").read_text()))


@pytest.mark.parametrize("end", ["pass", "raise SystemExit(3)", "raise KeyError"])
def test_nothing_runs_on_after_the_program_that_started_it(end: str, job: Job, tmp_path: Path) -> None:
    folder = job("Path('server').write_text(str(os.getppid()))")
    program = tmp_path / "program.py"
    program.write_text(
        "import os, sys\n"
        "from pathlib import Path\n"
        "from vaeport_parity.running.forks import fork_server\n"
        "server = fork_server(Path(sys.executable), dict(os.environ))\n"
        f"assert server.run(Path({str(folder)!r}), [], {LONG}) == 0\n"
        f"{end}\n"
    )

    subprocess.run([sys.executable, str(program)], env=ENVIRONMENT, check=False, capture_output=True, timeout=120)

    assert ends(int((folder / "server").read_text()))


def test_server_ends_with_a_program_that_was_killed(job: Job, tmp_path: Path) -> None:
    folder = job("Path('server').write_text(str(os.getppid()))")
    program = tmp_path / "program.py"
    program.write_text(
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from vaeport_parity.running.forks import fork_server\n"
        "server = fork_server(Path(sys.executable), dict(os.environ))\n"
        f"assert server.run(Path({str(folder)!r}), [], {LONG}) == 0\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )

    done = subprocess.run([sys.executable, str(program)], env=ENVIRONMENT, check=False, timeout=120)

    assert done.returncode == -signal.SIGKILL
    assert ends(int((folder / "server").read_text()))
