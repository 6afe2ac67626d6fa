"""The same report for a terminal, for programs, for CI and for people."""

import os
import shutil
from contextlib import suppress
from pathlib import Path

from vaeport.common.fileio import exchange_folders, move, staged_folder, write_folder
from vaeport.errors import OutputError

from ..judging.report import PARITY_FILE, ReportData
from .markdown import markdown
from .terminal import print_report

__all__ = ["markdown", "print_report", "write_reports"]

_MAY_BE_REPLACED = frozenset({PARITY_FILE, "junit.xml", "parity.md", "index.html"})


def write_reports(report: ReportData, folder: str | os.PathLike[str]) -> None:
    """Write `parity.json`, `junit.xml`, `parity.md` and `index.html` into a folder, made if need be: all or none.

    A folder that is missing, empty, or holds an older report and nothing else is replaced in one step: a reader sees
    the old report or the new one, even after `kill -9`. In any other folder the four files are replaced one after the
    other, each in one step; where one cannot be written, those before it are put back.

    Raises:
        OutputError: a file cannot be written; the folder is as it was.
        MissingExtraError: the page cannot be made, since the export extra is not installed.
    """
    from .junit import junit_xml
    from .page import html_page

    texts = {
        PARITY_FILE: report.to_json(),
        "junit.xml": junit_xml(report),
        "parity.md": markdown([report]),
        "index.html": html_page(report),
    }
    place = Path(folder)
    try:
        held = {path.name for path in place.iterdir()} if os.path.lexists(place) else set()
    except OSError as error:
        raise _refusal(place, error) from error
    if not held and not place.is_symlink() and not _is_working_folder(place):
        write_folder(place, lambda stage: _fill(stage, texts))
    elif not (held and held <= _MAY_BE_REPLACED and _replaced(place, texts)):
        _write_each(place, texts)


def _fill(folder: Path, texts: dict[str, str]) -> None:
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")


def _replaced(folder: Path, texts: dict[str, str]) -> bool:
    """Exchange a folder for a new one; False where that cannot be: a link, a mount point, no right to its parent."""
    if folder.is_symlink() or _is_working_folder(folder) or not all(path.is_file() for path in folder.iterdir()):
        return False
    with suppress(OutputError), staged_folder(folder.absolute()) as stage:
        _fill(stage, texts)
        exchange_folders(stage, folder.absolute())
        return True
    return False


def _is_working_folder(folder: Path) -> bool:
    """Whether somebody stands in it, who would be left in a folder that is gone."""
    return folder.exists() and folder.samefile(Path.cwd())


def _write_each(folder: Path, texts: dict[str, str]) -> None:
    """Write all files beside their places, then rename them in; where one cannot be, put back those before it."""
    targets = {name: folder / name for name in texts}
    for target in targets.values():
        if os.path.lexists(target) and not target.is_file():
            raise OutputError(f"cannot write {target}: what stands there is no file; nothing was changed there")
    done: list[str] = []
    with staged_folder(folder / PARITY_FILE) as stage:
        (stage / "new").mkdir()
        (stage / "old").mkdir()
        _fill(stage / "new", texts)
        for name, target in targets.items():
            if target.exists():
                shutil.copy2(target, stage / "old" / name)
                shutil.copymode(target, stage / "new" / name)
        try:
            for name, target in targets.items():
                move(stage / "new" / name, target)
                done.append(name)
        except BaseException:
            for name in done:
                _put_back(stage / "old" / name, targets[name])
            raise


def _put_back(old: Path, target: Path) -> None:
    with suppress(OSError):
        if old.exists():
            old.replace(target)
        else:
            target.unlink()


def _refusal(folder: Path, error: OSError) -> OutputError:
    name = error.filename or folder
    return OutputError(f"cannot write {name}: {error.strerror or error}; nothing was changed there")
