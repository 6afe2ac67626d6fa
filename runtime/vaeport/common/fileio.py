"""Writing files so that a reader sees the old content or the new one, and nothing between."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO

from ..errors import OutputError


def write_atomic(path: str | os.PathLike[str], write: Callable[[IO[bytes]], object]) -> Path:
    """Write a file beside its place and rename it in; what stood there stays until then.

    Args:
        path: where the file shall stand; its folder is made if missing.
        write: called with the open binary file.

    Raises:
        OutputError: the file cannot be written (no space, no permission, a folder in its place).
    """
    target = Path(path)
    if not target.name:
        raise OutputError(f"cannot write {str(path)!r}: a file name is needed")
    if os.path.lexists(target) and not target.is_file():
        raise OutputError(f"cannot write {target}: what stands there is no file; nothing was changed there")
    temporary = target.with_name(f".{target.name}.{os.urandom(8).hex()}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("xb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    except OSError as error:
        raise OutputError(f"cannot write {target}: {error.strerror or error}; nothing was changed there") from error
    finally:
        with suppress(OSError):
            temporary.unlink()
    return target


def write_folder(path: str | os.PathLike[str], fill: Callable[[Path], object]) -> Path:
    """Make a folder beside its place and rename it in; an empty folder may stand there, nothing else.

    Args:
        path: where the folder shall stand.
        fill: called with the folder under its passing name.

    Raises:
        OutputError: something stands there, or it cannot be written.
    """
    import shutil  # with its compressors the slowest import of this file, for the rarest use

    target = Path(path).absolute()
    if os.path.lexists(target) and (not target.is_dir() or any(target.iterdir())):
        raise OutputError(f"cannot write {target}: something stands there already; choose another place")
    stage = target.with_name(f".{target.name}.{os.urandom(8).hex()}")
    try:
        stage.mkdir(parents=True)
        fill(stage)
        stage.rename(target)
    except OSError as error:
        raise OutputError(f"cannot write {target}: {error.strerror or error}; nothing was changed there") from error
    finally:
        shutil.rmtree(stage, ignore_errors=True)
    return target


def write_text(path: str | os.PathLike[str], text: str) -> Path:
    """Write UTF-8 text with `write_atomic`."""
    return write_atomic(path, lambda file: file.write(text.encode("utf-8")))
