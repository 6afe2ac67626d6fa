"""The files of a reproducer, with a script that has been run where the backend is installed."""

import io
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vaeport.common.fileio import scratch_folder
from vaeport.contract import TOLERANCE_FACTOR

from ..backends.base import Backend, environment_of
from ..running.environments import interpreter_of
from ..subjects.tensors import Arrays
from .case import Case
from .faults import Answer
from .issue import issue_text, issue_title
from .reduction import Reduced
from .scripts import GENERIC, body_of, requirements, script_for

MODEL, INPUTS, EXPECTED, SCRIPT, ISSUE = "model.onnx", "inputs.npz", "expected.npz", "reproduce.py", "ISSUE.md"
FILES = (MODEL, INPUTS, EXPECTED, SCRIPT, ISSUE)
"""Names of the files of a reproducer."""

_SCRIPT_SECONDS = 60.0
_ANY_DIFFERENCE = 0.5  # allowed where entries must be equal, and differ by 1 at least
_LEAST_MARK = 10
_MOST_MARK = 60
_NOT_INHERITED = ("PYTHONPATH", "PYTHONHOME")
_FAULT = 1  # exit code of a script that shows the fault


@dataclass(frozen=True)
class Package:
    """What is handed over."""

    files: Mapping[str, bytes]
    """Content by name."""
    confirmed: bool | None
    """Whether the script showed the fault; None where it could not be run."""


@dataclass(frozen=True)
class _Run:
    """One run of a script."""

    code: int
    out: str
    err: str


def packed(backend: str, known: Backend | None, version: str, found: Reduced, found_in: str) -> Package:
    """Make the files, run the script, and put what it prints into the issue.

    Args:
        backend: name of the backend.
        known: the backend; None where there is none of that name here.
        version: of its software; empty where it is not known.
        found: the smallest case.
        found_in: where the fault was found and what it did there.
    """
    case, answer = found.case, found.answer
    title = issue_title(f"{_software(backend)} {version}".strip(), case, answer)
    files = {MODEL: case.model.SerializeToString(deterministic=True), INPUTS: npz(case.inputs)}
    if answer.kind != "silent":
        files[EXPECTED] = npz(_expected(case.exact, answer))
    names = list(files)
    needs, run = "", None
    for script in _scripts(backend, known, version, case, answer, title):
        files[SCRIPT], needs = script.text.encode(), script.needs
        run = _run(known, files, generic=script.generic) if known else None
        if run is None or run.code == _FAULT:
            break
        if answer.kind == "silent" and (common := _common(answer.said, run.out)):
            # Adapters word errors in their own way: look for what the script and the backend have said alike.
            shown = f"{common!r} in done.stderr"
            files[SCRIPT] = script_for(backend, case, title=title, needs=needs, shown=shown).encode()
            run = _run(known, files, generic=script.generic) if known else None
    said = "" if run is None else f"{run.out}\n{run.err if run.code != _FAULT else ''}".strip()
    files[ISSUE] = issue_text(
        title, case, answer, needs=needs, said=said, found_in=found_in, smallest=found.in_time, files=names
    ).encode()
    return Package(files, None if run is None else run.code == _FAULT)


@dataclass(frozen=True)
class _Script:
    """A script that may show the fault."""

    text: str
    needs: str
    generic: bool


def _scripts(
    backend: str, known: Backend | None, version: str, case: Case, answer: Answer, title: str
) -> Iterator[_Script]:
    """The backend's own script; behind it, for wrong answers, one that needs this package.

    An adapter that sets its runtime in a way of its own may find what a plain script does not. What an adapter refuses
    is no fault of the runtime, so that there is no second script for that.
    """
    silent, own = answer.kind == "silent", body_of(backend).template
    for template in dict.fromkeys((own,) if silent else (own, GENERIC)):
        generic = template == GENERIC
        needs = requirements(known.facts, template, version) if known else backend
        mark = _mark_of(answer.said, direct=not generic) if silent else ""
        text = script_for(backend, case, title=title, needs=needs, shown=mark, generic=generic)
        yield _Script(text, needs, generic)


def npz(arrays: Arrays) -> bytes:
    """Content of an .npz file."""
    content = io.BytesIO()
    np.savez(content, **arrays)  # type: ignore[arg-type]  # the stub takes allow_pickle for a key
    return content.getvalue()


def _software(backend: str) -> str:
    """A backend's name without what this package adds: the version that is meant, how it is set."""
    return re.split(r"[=@]", backend)[0].removesuffix("-default").removesuffix("-newest")


def _expected(right: NDArray[np.generic], answer: Answer) -> Arrays:
    """The right answer in float64 and how far each number may be off; numbers that are not finite are left out."""
    exact = right.astype(np.float64)
    floor = answer.floor if answer.floor is not None else np.zeros(exact.shape)
    allowed = TOLERANCE_FACTOR * floor if right.dtype.kind == "f" else np.maximum(floor, _ANY_DIFFERENCE)
    finite = np.isfinite(exact)
    return {"expected": np.where(finite, exact, 0), "allowed": np.where(finite, allowed, np.inf)}


def _mark_of(said: str, *, direct: bool) -> str:
    """By what a finished process shows that it died or failed in the same way, in Python.

    Args:
        said: what was said of the backend.
        direct: whether the script runs it itself, and not in another process.
    """
    died = re.search(r"died of (SIG[A-Z]+)", said) if direct else None
    if died:
        return f"done.returncode == {-signal.Signals[died.group(1)].value}"
    return f"{said.strip()[-_MOST_MARK:]!r} in done.stderr"


def _common(said: str, printed: str) -> str:
    """The longest text that two errors share; nothing where that is short, a path or a number."""
    match = SequenceMatcher(None, said, printed, autojunk=False).find_longest_match()
    text = said[match.a : match.a + match.size].strip()[:_MOST_MARK]
    return text if len(text) >= _LEAST_MARK and not re.fullmatch(r"[\d\W]*|[\w./]*/[\w./]*", text) else ""


def _run(backend: Backend, files: Mapping[str, bytes], *, generic: bool) -> _Run | None:
    """A run of the script in the backend's own environment, or in this one if it needs this package.

    Returns:
        None where it cannot be run, or not in time.
    """
    own, facts = environment_of(backend.facts), backend.facts
    interpreter = Path(sys.executable) if generic else interpreter_of(facts)
    if interpreter is None or facts.emulator:
        return None
    left_out = () if generic or not facts.has_environment else _NOT_INHERITED
    environment = {key: value for key, value in os.environ.items() if key not in left_out}
    environment |= {"OMP_NUM_THREADS": "1", "NODE_PATH": str(own / "node_modules"), **facts.variables}
    if not generic:
        environment |= {"PATH": f"{own / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"}
    with scratch_folder("vaeport-reproducer") as folder:
        for name, content in files.items():
            (folder / name).write_bytes(content)
        try:
            done = subprocess.run(
                [str(interpreter), SCRIPT],
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_SCRIPT_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        out, err = (text.replace(str(folder), ".").strip() for text in (done.stdout, done.stderr[-1000:]))
    return _Run(done.returncode, out, err)
