"""Tries attacks in processes of their own: forked from one that has imported everything, measured, and bounded.

`python -m tests.attacks.runner FOLDER` reads names of scripts, one a line, and answers each with one line of JSON, an
`Outcome`. Every attack gets a folder below FOLDER, and a process that makes it and forks the one that meets it: what
making it costs is not counted. Beside scripts it knows `clean/ENTRY`, the same entry point with nothing hostile.

A file that does not exist is opened before and after the entry point, so that a trace shows which calls are whose.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NoReturn

from vaeport.errors import VaeportError
from vaeport.sessions.session import import_onnxruntime

from .attack import OUTSIDE, Attack, load_case, secret_of
from .clean import clean_case

MOST_SECONDS = 10.0
MOST_BYTES = 500 * 2**20
"""What one attack may cost until it is refused; the memory is that beyond the process's own before."""

_MOST_ADDRESSES = 3 * 2**30
"""Addresses that an attack may take beside those of the libraries: a bomb that goes off shall not hurt the machine."""

_POLL = 0.002

TEMPORARY = "temporary"
"""Folder of an attack for what vaeport itself keeps for a moment."""

MARK = "/vaeport-attack"
"""Folder, which does not exist, of the files that are tried before and after an entry point."""


@dataclass(frozen=True)
class Outcome:
    """What became of an attack."""

    kind: str
    """`refused` by a VaeportError, `answered`, `failed` by another exception, `died`, `late`, or `unmade`."""
    error: str = ""
    """Class of the exception."""
    says: str = ""
    """Its sentence, or what was answered."""
    classes: tuple[str, ...] = ()
    """The error's class and its bases, by name."""
    seconds: float = 0.0
    """Time until then."""
    grown: int = 0
    """Memory that it took, bytes."""
    warned: tuple[str, ...] = ()
    """Warnings that reached the caller."""
    harmed: tuple[str, ...] = ()
    """Files outside the bundle that the attack made or changed."""
    path: str = ""
    """The hostile thing."""


class Runner:
    """The process that tries attacks, each once: started at the first one, and again after `close`."""

    def __init__(self, folder: Path, *, before: tuple[str, ...] = ()) -> None:
        """Prepare it.

        Args:
            folder: an empty folder for the attacks.
            before: a command that starts it, a tracer for instance.
        """
        self.folder = folder
        self._before = before
        self._process: subprocess.Popen[str] | None = None
        self._outcomes: dict[str, Outcome] = {}

    def run(self, name: str) -> Outcome:
        """Try one attack, or tell what became of it before."""
        if name not in self._outcomes:
            self._outcomes[name] = self._tried(name)
        return self._outcomes[name]

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.communicate()
            self._process = None

    def _tried(self, name: str) -> Outcome:
        if self._process is None:
            self._process = self._started()
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{name}\n")
        self._process.stdin.flush()
        values: dict[str, Any] = json.loads(self._process.stdout.readline())
        lists: dict[str, Any] = {key: tuple(each) for key, each in values.items() if isinstance(each, list)}
        return Outcome(**(values | lists))

    def _started(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*self._before, sys.executable, "-m", "tests.attacks.runner", str(self.folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
            env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"},
        )


def main() -> None:
    """Serve attacks until standard input ends."""
    folder = Path(sys.argv[1])
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no answer
    _import_all()
    for line in sys.stdin:
        print(json.dumps(dataclasses.asdict(_try(line.strip(), folder))), file=answers, flush=True)


def _import_all() -> None:
    import_onnxruntime()  # with its telemetry off, which would call a host
    for name in (
        "onnx.reference",
        "torch._dynamo",  # which optimisers import at their first use, for seconds
        "vaeport.cli",
        "vaeport_export.bundle.subject",
        "vaeport_train.api",
        "vaeport_train.running.trained",
        "tests.attacks.archives",
        "tests.attacks.graphs",
    ):
        importlib.import_module(name)


def _try(name: str, folder: Path) -> Outcome:
    """Make the attack in a child, meet it in a grandchild, and take everything away again."""
    place = folder / name.replace("/", "-")
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        with os.fdopen(write, "w") as told:
            _in_child(name, place, told)
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as heard:
        text = heard.read()
    os.waitpid(child, 0)
    shutil.rmtree(place, ignore_errors=True)
    return Outcome(**json.loads(text)) if text else Outcome("unmade", says="the process that makes it died")


def _in_child(name: str, place: Path, told: IO[str]) -> None:
    try:
        case = clean_case(name.removeprefix("clean/")) if name.startswith("clean/") else load_case(name)
        (place / "outside").mkdir(parents=True)
        secret_of(place).write_text(OUTSIDE * 40, encoding="utf-8")
        (place / TEMPORARY).mkdir()
        tempfile.tempdir = str(place / TEMPORARY)
        os.chdir(place)
        path = case.make(place)
        before = _content(place / "outside")
        outcome = _meet(case, path, name)
        after = _content(place / "outside")
        harmed = tuple(file for file in {**before, **after} if before.get(file) != after.get(file))
        outcome = dataclasses.replace(outcome, path=str(path), harmed=harmed)
    except BaseException:  # noqa: BLE001 - told to the test
        outcome = Outcome("unmade", says=traceback.format_exc())
    json.dump(dataclasses.asdict(outcome), told)


def _content(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _meet(case: Attack, path: Path, name: str) -> Outcome:
    read, write = os.pipe()
    begun = time.monotonic()
    child = os.fork()
    if child == 0:
        os.close(read)
        _enter(case, path, name, os.fdopen(write, "w"))
    os.close(write)
    status, usage = _wait(child, begun + MOST_SECONDS)
    _mark(f"end/{name}")
    seconds = time.monotonic() - begun
    with os.fdopen(read) as heard:
        started, _, text = heard.read().partition("\n")
    if os.WIFSIGNALED(status):
        killed = os.WTERMSIG(status)
        late = killed == signal.SIGKILL and seconds >= MOST_SECONDS
        outcome = Outcome("late" if late else "died", says=f"signal {killed}")
    else:
        outcome = Outcome(**json.loads(text))
    grown = max(0, usage.ru_maxrss * 1024 - int(started or 0))
    return dataclasses.replace(outcome, seconds=round(seconds, 3), grown=grown)


def _enter(case: Attack, path: Path, name: str, told: IO[str]) -> NoReturn:
    print(_resident(), file=told, flush=True)
    _bound_addresses()
    _mark(f"begin/{name}")
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            outcome = Outcome("answered", says=str(case.enter(path))[:20_000])
        except VaeportError as error:
            outcome = _outcome("refused", error)
        except BaseException as error:  # noqa: BLE001 - told to the test
            outcome = _outcome("failed", error)
    outcome = dataclasses.replace(outcome, warned=tuple(str(warning.message) for warning in warned))
    json.dump(dataclasses.asdict(outcome), told)
    told.flush()
    os._exit(0)


def _outcome(kind: str, error: BaseException) -> Outcome:
    classes = tuple(base.__name__ for base in type(error).__mro__)
    return Outcome(kind, type(error).__name__, str(error)[:5000], classes)


def _bound_addresses() -> None:
    used = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + _MOST_ADDRESSES, resource.RLIM_INFINITY))


def _resident() -> int:
    """Memory of this process: after a fork less than before, for pages of files come back when they are touched."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * resource.getpagesize()


def _wait(child: int, until: float) -> tuple[int, resource.struct_rusage]:
    while True:
        done, status, usage = os.wait4(child, os.WNOHANG)
        if done:
            return status, usage
        if time.monotonic() > until:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
            until = float("inf")
        time.sleep(_POLL)


def _mark(name: str) -> None:
    with contextlib.suppress(OSError):
        os.open(f"{MARK}/{name}", os.O_RDONLY)


if __name__ == "__main__":
    main()
