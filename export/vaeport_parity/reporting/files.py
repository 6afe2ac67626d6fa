"""The same report for a terminal, for programs, for CI and for people."""

import os
from contextlib import suppress
from pathlib import Path

from vaeport.errors import OutputError

from ..judging.report import PARITY_FILE, ReportData
from .markdown import markdown
from .terminal import print_report

__all__ = ["markdown", "print_report", "write_reports"]


def write_reports(report: ReportData, folder: str | os.PathLike[str]) -> None:
    """Write `parity.json`, `junit.xml`, `parity.md` and `index.html` into a folder, made if need be: all or none.

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
    made = [each for each in (place, *place.parents) if not each.exists()]
    try:
        _write_all(place, texts)
    except OSError as error:
        for each in made:
            with suppress(OSError):
                each.rmdir()
        name = error.filename or place
        raise OutputError(f"cannot write {name}: {error.strerror or error}; nothing was changed there") from error


def _write_all(folder: Path, texts: dict[str, str]) -> None:
    """Write files beside their places, then put them all in; where one cannot be put in, none is."""
    folder.mkdir(parents=True, exist_ok=True)
    targets = {name: folder / name for name in texts}
    for target in targets.values():
        if os.path.lexists(target) and not target.is_file():
            raise IsADirectoryError(21, "what stands there is no file", str(target))
    stages = {name: folder / f".{name}.{os.urandom(8).hex()}" for name in texts}
    before = {name: target.read_bytes() if target.exists() else None for name, target in targets.items()}
    done: list[str] = []
    try:
        for name, text in texts.items():
            stages[name].write_text(text, encoding="utf-8")
        for name in texts:
            stages[name].replace(targets[name])
            done.append(name)
    except OSError:
        for name in done:
            _restore(targets[name], before[name])
        raise
    finally:
        for stage in stages.values():
            with suppress(OSError):
                stage.unlink()


def _restore(target: Path, content: bytes | None) -> None:
    with suppress(OSError):
        if content is None:
            target.unlink()
        else:
            target.write_bytes(content)
