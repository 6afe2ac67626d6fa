"""Where backends live: in this environment, or each in one of its own, since their requirements clash."""

import importlib.util
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

from vaeport.errors import OutputError

from ..backends import Facts

ENVIRONMENTS_VARIABLE = "VAEPORT_PARITY_ENVIRONMENTS"
"""Names the folder of the environments; `~/.cache/vaeport/parity` where it is unset."""

_READY = ".vaeport-ready"


def environments_folder() -> Path:
    """Folder that holds the environments."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.get(ENVIRONMENTS_VARIABLE) or cache / "vaeport/parity")


def environment_of(facts: Facts) -> Path:
    """Folder of a backend's own environment, made or not."""
    return environments_folder() / (facts.environment or facts.name)


def interpreter_of(facts: Facts) -> Path | None:
    """The Python that can import a backend: its environment's, else this one; None where it is not installed."""
    own = environment_of(facts)
    if facts.has_environment and _is_ready(facts):
        return own / "bin/python" if facts.packages else Path(sys.executable)
    if facts.npm_packages or not _importable(facts.module):
        return None
    return Path(sys.executable)


def missing_reason(facts: Facts) -> str | None:
    """Why a backend cannot run here, with what to do; None if it can be tried."""
    if program := _missing_program(facts):
        return f"the program {program} is not installed"
    if interpreter_of(facts) is None:
        return f"not installed; vaeport-parity --backends {facts.name} --install makes an environment for it"
    return None


def install(facts: Facts) -> str:
    """Make the environment of a backend, unless it stands; one that was made for other packages is made anew.

    Returns:
        What happened, in a few words.

    Raises:
        OutputError: the folder cannot be written.
    """
    folder = environment_of(facts)
    if not facts.has_environment or _is_ready(facts):
        return "is there"
    if program := _missing_program(facts):
        return f"not tried: the program {program} is not installed"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if facts.packages:
            venv.create(folder, with_pip=True, clear=True)
            # pnnx asks for PyTorch, which only its Python module needs, not its program.
            own = [package for package in facts.packages if package != "pnnx"]
            pip: list[str | Path] = [
                folder / "bin/python",
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
            ]
            commands: list[list[str | Path]] = [[*pip, *own]] + (
                [[*pip, "--no-deps", "pnnx"]] if "pnnx" in facts.packages else []
            )
        else:
            # The node package's own step would download CUDA.
            options: list[str | Path] = [
                "--prefix",
                folder,
                "--no-fund",
                "--no-audit",
                "--onnxruntime-node-install=skip",
            ]
            commands = [["npm", "install", *options, *facts.npm_packages]]
        for command in commands:
            subprocess.run(command, check=True, capture_output=True, text=True)
        (folder / _READY).write_text(_packages(facts))
    except FileNotFoundError as error:
        return f"cannot be installed: {error.filename} is not there"
    except subprocess.CalledProcessError as error:
        last = (error.stderr.strip() or error.stdout.strip() or "no reason given").splitlines()[-1]
        return f"cannot be installed: {last}"
    except OSError as error:
        raise OutputError(f"cannot make {folder}: {error.strerror or error}") from error
    return "installed"


def _is_ready(facts: Facts) -> bool:
    try:
        return (environment_of(facts) / _READY).read_bytes() == _packages(facts).encode()
    except OSError:
        return False


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
