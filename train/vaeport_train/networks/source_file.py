"""A Python file of your own that builds networks: read, known by its hash, imported, called."""

import hashlib
import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from vaeport.contract import Shapes
from vaeport.errors import InputError


@dataclass(frozen=True)
class SourceFile:
    """A Python file as it was read."""

    path: Path
    """Where it was read, absolute."""
    content: bytes
    """What it holds."""

    @property
    def sha256(self) -> str:
        """SHA-256 of the content, in hexadecimal."""
        return hashlib.sha256(self.content).hexdigest()


def parse_factory(text: str) -> tuple[Path, str]:
    """File and name of `FILE.py:NAME`.

    Raises:
        InputError: the text has another form.
    """
    file, _, name = text.rpartition(":")
    path = Path(file)
    if not file.endswith(".py") or not name.isidentifier():
        raise InputError(f"network {text!r} must be FILE.py:NAME, such as my_nets.py:build")
    if any(character in path.name for character in ":\\"):
        raise InputError(f"network {text!r}: a run keeps the file under its name, so rename it without ':' and '\\'")
    return path, name


def read_source(path: Path) -> SourceFile:
    """Read a Python file.

    Raises:
        InputError: it is missing or unreadable.
    """
    try:
        return SourceFile(path.absolute(), path.read_bytes())
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}; --network takes FILE.py:NAME") from error


def call_factory(source: SourceFile, name: str, shapes: Shapes) -> Any:
    """Import a file and call one of its functions or classes, with `shapes` where it takes an argument.

    The bytes that were read are run, so that no other file can take their place. The file's folder is on `sys.path`
    meanwhile, for the modules that lie beside it.

    Args:
        source: the file.
        name: of the function or class.
        shapes: given as the argument `shapes`, or as the only one.

    Raises:
        InputError: importing or calling raises, the file has no such name, or it takes other arguments.
    """
    where = f"{source.path.name}:{name}"
    with _folder_on_path(source.path.parent):
        factory = getattr(_import(source), name, None)
        if not callable(factory):
            raise InputError(f"{source.path} has no function or class {name!r}; --network takes FILE.py:NAME")
        arguments = _arguments(factory, where, shapes)
        try:
            return factory(**arguments)
        except InputError:
            raise
        except Exception as error:  # the user's code may raise anything
            raise InputError(f"{where} raised {_in_words(error)}") from error


def _import(source: SourceFile) -> ModuleType:
    """The file as a module, the same for the same file and content, so that its classes are the same too."""
    name = f"vaeport_own_{hashlib.sha256(str(source.path).encode()).hexdigest()[:8]}_{source.sha256[:16]}"
    if name in sys.modules:
        return sys.modules[name]
    module = ModuleType(name)
    module.__file__ = str(source.path)
    sys.modules[name] = module  # dataclasses and pickling look their module up while it is being run
    try:
        exec(compile(source.content, str(source.path), "exec"), module.__dict__)  # noqa: S102 - it is the user's own file
    except BaseException as error:
        del sys.modules[name]
        if isinstance(error, KeyboardInterrupt):
            raise
        raise InputError(f"importing {source.path} raised {_in_words(error)}") from error
    return module


def _arguments(factory: Callable[..., Any], where: str, shapes: Shapes) -> dict[str, Shapes]:
    try:
        parameters = inspect.signature(factory).parameters
    except (TypeError, ValueError):
        return {}
    needed = [
        parameter.name
        for parameter in parameters.values()
        if parameter.default is parameter.empty
        and parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
    ]
    if "shapes" in parameters:
        needed = [name for name in needed if name != "shapes"]
    if not needed:
        return {"shapes": shapes} if "shapes" in parameters else {}
    if len(needed) == 1 and "shapes" not in parameters:
        return {needed[0]: shapes}
    raise InputError(f"{where} must take `shapes` or nothing, but needs {', '.join(needed)}")


@contextmanager
def _folder_on_path(folder: Path) -> Iterator[None]:
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))


def _in_words(error: BaseException) -> str:
    text = " ".join(str(error).split())
    line = f", line {error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
    return f"{type(error).__name__}{line}: {text}" if text else f"{type(error).__name__}{line}"
