"""What an attack script states: how the hostile thing is made, where it enters, and by which sentence it is refused."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from vaeport.errors import VaeportError

FOLDER = Path(__file__).parent

OUTSIDE = "the enemy must not read this"
"""Content of the file that stands outside every hostile bundle."""


@dataclass(frozen=True)
class Attack:
    """One attack. A script under `tests/attacks/KIND/` holds one as `CASE`, and says in its docstring what it tries."""

    make: Callable[[Path], Path]
    """Builds the hostile thing in an empty folder, the working directory, and gives its path."""
    enter: Callable[[Path], object]
    """The entry point of vaeport that meets the path, of `tests.attacks.entries`."""
    error: type[VaeportError] | None
    """Class of the error that refuses it; None where it may be answered, within the limits of time and memory."""
    says: str
    """Regular expression that the error's sentence must contain: it says what is wrong with this very thing."""
    after: str = ""
    """The CVE, tool or incident that the attack is made after."""
    targets: tuple[str, ...] = ()
    """Files outside the bundle, beside `secret_of` the folder, that the attack is after: none may be opened."""
    touches: tuple[str, ...] = ()
    """Files in the folder that the script itself opens when it enters."""


def secret_of(folder: Path) -> Path:
    """The file outside the bundle that an attack in `folder` tries to read; it is there before `make` is called."""
    return folder / "outside/secret"


def scripts() -> list[str]:
    """Names of all attack scripts, `kind/name`, in order."""
    return sorted(path.relative_to(FOLDER).with_suffix("").as_posix() for path in FOLDER.glob("*/*.py"))


def load_case(name: str) -> Attack:
    """The attack of a script."""
    case = _module(name).CASE
    assert isinstance(case, Attack), f"{name} holds no attack"
    return case


def summary(name: str) -> str:
    """First line of a script's docstring."""
    return (_module(name).__doc__ or "").strip().partition("\n")[0]


def _module(name: str):  # type: ignore[no-untyped-def]  # a module; its attributes are its own
    return importlib.import_module(f"tests.attacks.{name.replace('/', '.')}")
