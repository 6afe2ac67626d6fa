"""The same report for a terminal, for programs, for CI and for people."""

import os
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from vaeport.common.fileio import exchange_folders, move, staged_folder, write_folder
from vaeport.errors import OutputError

from ..judging.report import PARITY_FILE, ReportData
from .markdown import markdown
from .terminal import print_report

__all__ = ["REPRODUCERS", "markdown", "print_report", "write_reports"]

REPRODUCERS = "reproducers"
"""Folder of a report that holds a folder for each reproducer."""

_MAY_BE_REPLACED = frozenset({PARITY_FILE, "junit.xml", "parity.md", "index.html"})


def write_reports(reports: Sequence[ReportData], folder: str | os.PathLike[str]) -> None:
    """Write one `junit.xml`, `parity.md` and `index.html` over all reports, and a `parity.json` for each: all or none.

    The first report's `parity.json` stands in the folder, every other one in a folder named for its precision;
    reproducers stand in `reproducers/NAME`. A folder that is missing, empty, or holds an older report and nothing else
    is replaced in one step: a reader sees the old report or the new one, even after `kill -9`. In any other folder the
    files are replaced one after the other, each in one step; where one cannot be written, those before it are put back.

    Args:
        reports: of one subject, a precision each.
        folder: where they shall stand; made if need be.

    Raises:
        OutputError: a file cannot be written; the folder is as it was.
        MissingExtraError: the page cannot be made, since the export extra is not installed.
    """
    from .junit import junit_xml
    from .page import html_page

    texts = {
        **{name: report.to_json() for name, report in _places(reports).items()},
        "junit.xml": junit_xml(reports),
        "parity.md": markdown(reports),
        "index.html": html_page(reports),
    }
    files = {name: text.encode() for name, text in texts.items()}
    for name, content in _reproducers(reports).items():
        files[f"{REPRODUCERS}/{name}"] = content
    place = Path(folder)
    try:
        held = list(place.iterdir()) if os.path.lexists(place) else []
        older = bool(held) and all(_is_of_a_report(path) for path in held)
    except OSError as error:
        raise _refusal(place, error) from error
    if not held and not place.is_symlink() and not _is_working_folder(place):
        write_folder(place, lambda stage: _fill(stage, files))
    elif not (older and _replaced(place, files)):
        _write_each(place, files)


def _places(reports: Sequence[ReportData]) -> dict[str, ReportData]:
    """Reports by the path of their `parity.json`."""
    return {
        f"{report.precision}/{PARITY_FILE}" if index else PARITY_FILE: report for index, report in enumerate(reports)
    }


def _reproducers(reports: Sequence[ReportData]) -> dict[str, bytes]:
    made = [each for report in reports for one in report.backends for each in one.reproducers]
    return {
        f"{each.name}/{name}": content
        for each in made
        if not isinstance(each, str)
        for name, content in each.files.items()
    }


def _is_of_a_report(path: Path) -> bool:
    """Whether something in a folder is a file of an older report, or a folder of such files and nothing else."""
    if path.is_symlink():
        return False
    if path.is_file():
        return path.name in _MAY_BE_REPLACED
    inner = list(path.iterdir()) if path.is_dir() else []
    if path.name == REPRODUCERS:
        return bool(inner) and all((each / "ISSUE.md").is_file() for each in inner)
    return [each.name for each in inner] == [PARITY_FILE] and inner[0].is_file()


def _fill(folder: Path, files: Mapping[str, bytes]) -> None:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def _replaced(folder: Path, files: Mapping[str, bytes]) -> bool:
    """Exchange a folder for a new one; False where that cannot be: a link, a mount point, no right to its parent."""
    if folder.is_symlink() or _is_working_folder(folder):
        return False
    with suppress(OutputError), staged_folder(folder.absolute()) as stage:
        _fill(stage, files)
        exchange_folders(stage, folder.absolute())
        return True
    return False


def _is_working_folder(folder: Path) -> bool:
    """Whether somebody stands in it, who would be left in a folder that is gone."""
    return folder.exists() and folder.samefile(Path.cwd())


def _write_each(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write all files beside their places, then rename them in; where one cannot be, put back those before it."""
    targets = {name: folder / name for name in files}
    for target in targets.values():
        if os.path.lexists(target) and not target.is_file():
            raise OutputError(f"cannot write {target}: what stands there is no file; nothing was changed there")
    done: list[str] = []
    with staged_folder(folder / PARITY_FILE) as stage:
        _fill(stage / "new", files)
        for name, target in targets.items():
            if target.exists():
                (stage / "old" / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(target, stage / "old" / name)
                shutil.copymode(target, stage / "new" / name)
        try:
            for name, target in targets.items():
                target.parent.mkdir(parents=True, exist_ok=True)
                move(stage / "new" / name, target)
                done.append(name)
        except BaseException:
            for name in done:
                _put_back(stage / "old" / name, targets[name])
            for made in {targets[name].parent for name in targets} - {folder}:
                with suppress(OSError):
                    made.rmdir()  # only where nothing is in it
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
