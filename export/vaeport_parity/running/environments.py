"""Environments of backends: this one, or one for each, since their requirements clash."""

import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from vaeport.common.fileio import write_text
from vaeport.errors import OutputError

from ..backends.base import Facts, environment_of
from .foreign import foreign_commands, foreign_interpreter

_READY = ".vaeport-ready"
_FAILED = ".vaeport-failed"
_NO_WHEEL = "No matching distribution"  # what pip says where no release fits its Python
_OLDEST_MINOR, _NEWER_MINORS = 10, 4  # Pythons 3.10 to some newer than this one: adapters need 3.10


@dataclass(frozen=True)
class Installation:
    """What came of installing a backend."""

    name: str
    """Name of the backend."""
    state: Literal["installed", "present", "failed"]
    """`present`: its environment was there, or it needs none."""
    reason: str = ""
    """Why it failed, in a sentence."""

    @property
    def succeeded(self) -> bool:
        """Whether the backend's environment is there now."""
        return self.state != "failed"

    def __str__(self) -> str:
        """What happened, in a few words."""
        if self.state == "failed":
            return f"cannot be installed: {self.reason}"
        return "installed" if self.state == "installed" else "is installed already"


def interpreter_of(facts: Facts) -> Path | None:
    """The Python that can import a backend: its environment's, else this one; None where it is not installed."""
    own = environment_of(facts)
    if facts.has_environment and _is_ready(facts):
        if facts.architecture:
            return foreign_interpreter(facts.architecture)
        return own / "bin/python" if facts.packages else Path(sys.executable)
    if facts.architecture or facts.own_environment:
        return None
    if facts.npm_packages or not _importable(facts.module):
        return None
    return Path(sys.executable)


def missing_reason(facts: Facts) -> str | None:
    """Why a backend cannot run here, with what to do; None if it can be tried."""
    if program := _missing_program(facts):
        return f"the program {program} is not installed"
    if interpreter_of(facts) is not None:
        return None
    if not facts.has_environment:
        return f"the module {facts.module} is not installed in this environment"
    if failure := _last_failure(facts):
        return f"could not be installed: {failure}"
    return f"not installed; vaeport-parity --backends {facts.name} --install makes an environment for it"


def install(facts: Facts) -> Installation:
    """Make the environment of a backend, unless it is there; one that was made for other packages is made anew.

    Args:
        facts: of the backend, which say what is to be installed and with which options.

    Returns:
        Whether it is there now, and if not, why. A failure is kept, so that `missing_reason` says it too.

    Raises:
        OutputError: the folder cannot be written.
    """
    folder = environment_of(facts)
    if not facts.has_environment or _is_ready(facts):
        return Installation(facts.name, "present")
    if program := _missing_program(facts):
        return Installation(facts.name, "failed", f"the program {program} is not installed")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for leftover in (_READY, _FAILED):
            (folder / leftover).unlink(missing_ok=True)
        reason = _made(facts, folder)
        write_text(folder / (_FAILED if reason else _READY), f"{_packages(facts)}{reason}")
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        raise OutputError(f"cannot make {folder}: {error.strerror or error}") from error
    return Installation(facts.name, "failed" if reason else "installed", reason)


def _made(facts: Facts, folder: Path) -> str:
    """Make the environment; why it failed, or nothing.

    Where this Python is too new, or too old, for a version that was named, others on the PATH are tried.
    """
    if facts.architecture:
        return _run_all(foreign_commands(facts, folder))
    reason = _run_all(_commands(facts, folder))
    if _NO_WHEEL in reason and facts.pinned:
        tried = (_run_all(_commands(facts, folder, python)) for python in _other_pythons())
        return next((each for each in tried if _NO_WHEEL not in each), reason)
    return reason


def _run_all(commands: Iterator[list[str]]) -> str:
    """Run commands up to the first that fails; why it failed, or nothing."""
    try:
        for command in commands:
            subprocess.run(command, check=True, capture_output=True, text=True)
    except FileNotFoundError as error:
        return f"{error.filename} is not there"
    except subprocess.CalledProcessError as error:
        lines = (error.stderr or error.stdout or "no reason given").strip().splitlines()
        errors = [line for line in lines if line.lower().startswith(("error", "npm err"))]
        return " ".join((errors or lines or ["no reason given"])[-1].split())[:300]
    return ""


def _other_pythons() -> Iterator[str]:
    """Pythons on the PATH with another minor version than this one, the newest first."""
    own = sys.version_info[1]
    for minor in sorted(range(_OLDEST_MINOR, own + _NEWER_MINORS), reverse=True):
        found = shutil.which(f"python3.{minor}")
        if found and minor != own and _can_run(found):
            yield found


def _can_run(python: str) -> bool:
    """Whether it is a Python that makes environments; some names on the PATH only say that there is none."""
    return subprocess.run([python, "-c", "import venv"], check=False, capture_output=True).returncode == 0


def _commands(facts: Facts, folder: Path, python: str | None = None) -> Iterator[list[str]]:
    """What is run: venv, pip for the packages without options, for each of the others by itself, then npm."""
    if facts.packages:
        yield [python or sys.executable, "-m", "venv", "--clear", str(folder)]
    pip = [str(folder / "bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    plain = [package for package in facts.packages if package not in facts.pip_options]
    if plain:
        yield [*pip, *plain]
    for package in facts.packages:
        if package in facts.pip_options:
            yield [*pip, *facts.pip_options[package], package]
    if facts.npm_packages:
        yield [
            "npm",
            "install",
            "--prefix",
            str(folder),
            "--no-fund",
            "--no-audit",
            *facts.npm_options,
            *facts.npm_packages,
        ]


def _is_ready(facts: Facts) -> bool:
    try:
        return (environment_of(facts) / _READY).read_bytes() == _packages(facts).encode()
    except OSError:
        return False


def _last_failure(facts: Facts) -> str:
    """Why the same packages could not be installed when it was tried last."""
    try:
        text = (environment_of(facts) / _FAILED).read_text()
    except (OSError, ValueError):
        return ""
    packages = _packages(facts)
    return text.removeprefix(packages) if text.startswith(packages) else ""


def _packages(facts: Facts) -> str:
    return "".join(f"{package}\n" for package in (*facts.packages, *facts.npm_packages))


def _missing_program(facts: Facts) -> str | None:
    """The first program that a backend needs and that is not on the PATH."""
    return next((program for program in facts.programs if shutil.which(program) is None), None)


def _importable(module: str) -> bool:
    """Whether a module is there, its parents too, without importing more of it than must be."""
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        return False
