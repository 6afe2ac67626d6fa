"""The same report for a terminal, for programs, for CI and for people."""

import os
from pathlib import Path

from vaeport.common.fileio import write_text
from vaeport.errors import OutputError

from .junit import junit_xml
from .markdown import markdown
from .page import html_page
from .report import PARITY_FILE, Report
from .terminal import print_report

__all__ = ["markdown", "print_report", "write_reports"]


def write_reports(report: Report, folder: str | os.PathLike[str]) -> None:
    """Write `parity.json`, `junit.xml`, `parity.md` and `index.html` into a folder, made if need be.

    Raises:
        OutputError: a file cannot be written.
    """
    place = Path(folder)
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot make {place}: {error.strerror or error}") from error
    write_text(place / PARITY_FILE, report.to_json())
    write_text(place / "junit.xml", junit_xml(report))
    write_text(place / "parity.md", markdown([report]))
    write_text(place / "index.html", html_page(report))
