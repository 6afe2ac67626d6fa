"""A report where GitHub Actions shows it: annotations beside the lines of a run, and the summary of its step."""

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from vaeport.errors import OutputError

from ..judging.report import BackendReport, ReportData, backend_verdict
from .markdown import markdown
from .sentences import claim, listed, margin, printable, row_sentence, shortcoming, where, worst_row

MOST_ANNOTATIONS = 10
"""Of each kind that GitHub shows for a step; what is more is counted in the last."""

SUMMARY_BYTES = 1024 * 1024
"""Largest summary of a step; GitHub drops a larger one as a whole."""

_CUT = "\n\n*Cut here: a step's summary may have 1 MiB. The whole is in the report's files.*\n"


def tell_github(reports: Sequence[ReportData], *, path: str = "") -> None:
    """Print annotations and append to the summary of the step, where this runs in GitHub Actions; else do nothing.

    Args:
        reports: what was found.
        path: bundle or ONNX file that was compared, for the annotations.

    Raises:
        OutputError: the summary's file cannot be written.
    """
    if os.environ.get("GITHUB_ACTIONS") != "true":
        return
    for line in annotations(reports, path=path):
        print(line, file=sys.stderr, flush=True)  # a runner reads both; stdout may hold --json's text
    target = os.environ.get("GITHUB_STEP_SUMMARY")
    if not target:
        return
    try:
        with Path(target).open("ab") as file:
            file.write(_fitting(step_summary(reports), SUMMARY_BYTES - file.tell()))
    except OSError as error:
        raise OutputError(f"cannot write the step's summary {target}: {error.strerror or error}") from error


def annotations(reports: Sequence[ReportData], *, path: str = "") -> list[str]:
    """Workflow commands: an error for each wrong finding and each backend that falls short, each place once.

    Backends that do not count and fall short are warnings. Of each kind there are at most `MOST_ANNOTATIONS`.

    Args:
        reports: what was found.
        path: bundle or ONNX file that was compared; files that texts begin with are looked for in it.
    """
    lines: list[str] = []
    for kind in ("error", "warning"):
        found = dict.fromkeys(each for report in reports for each in _told(report, kind, path))
        shown = list(found)
        if len(shown) > MOST_ANNOTATIONS:
            more = len(shown) - MOST_ANNOTATIONS + 1
            shown = [*shown[: MOST_ANNOTATIONS - 1], ("", "vaeport-parity", f"and {more} more; see the step's summary")]
        lines += [_command(kind, *each) for each in shown]
    return lines


def step_summary(reports: Sequence[ReportData]) -> str:
    """Markdown: the verdict on every precision first, then a section for each; at most `SUMMARY_BYTES` in UTF-8."""
    verdicts = [f"- {_verdict(report)}" for report in reports]
    word = "holds" if all(report.holds for report in reports) else "does NOT hold"
    text = "\n".join([f"# vaeport-parity: {word}", "", *verdicts, "", markdown(reports)])
    return _fitting(text, SUMMARY_BYTES).decode()


def _verdict(report: ReportData) -> str:
    sign = "✅" if report.holds else "❌"
    said = printable(f"{claim(report)}: {margin(report) if report.holds else shortcoming(report)}")
    return f"{sign} {_literal(said)}"


def _told(report: ReportData, kind: str, path: str) -> Iterator[tuple[str, str, str]]:
    """File, title and text of each annotation of a kind."""
    name = f"{report.name} {report.label}".strip()
    if kind == "error":
        for finding in report.findings:
            if finding.wrong:
                yield _file(finding.subject, path), f"{name}: {finding.subject}", finding.text
        for file in report.recorded:
            if failing := [row for row in report.of(file) if not row.holds]:
                worst = worst_row(failing)
                yield _file(file, path), f"{name}: {file}", f"{where(report, worst)} {row_sentence(worst)}"
    grouped: dict[str, list[BackendReport]] = {}
    for one in report.backends:
        if one.counts == (kind == "error") and backend_verdict(report, one) in ("falls short", "refuses"):
            grouped.setdefault(one.place or one.name, []).append(one)
    for group in grouped.values():
        worst = worst_row([row for one in group for row in report.of(one.name) if not row.holds])
        text = f"{worst.backend}: {where(report, worst)} {row_sentence(worst)}"
        place = group[0].place
        title = f"{name} falls short on {listed([one.name for one in group])}"
        yield _file(place, path), title, f"{text}. First wrong: {place}" if place else text


def _file(text: str, path: str) -> str:
    """The file that a text begins with, as the repository names it; the graph that was compared, or empty."""
    if not path:
        return ""
    place, name = Path(path), text.split(":", 1)[0]
    if place.is_file():
        return _in_workspace(place)
    inside = place / name
    return _in_workspace(inside) if name and ".." not in Path(name).parts and inside.is_file() else ""


def _in_workspace(path: Path) -> str:
    root = Path(os.environ.get("GITHUB_WORKSPACE") or Path.cwd()).resolve()
    whole = path.resolve()
    return whole.relative_to(root).as_posix() if whole.is_relative_to(root) else path.as_posix()


def _command(kind: str, file: str, title: str, text: str) -> str:
    properties = {"file": file, "title": title}
    given = ",".join(f"{key}={_property(value)}" for key, value in properties.items() if value)
    return f"::{kind} {given}::{_data(text)}"


def _data(text: str) -> str:
    """Text of a workflow command: a line break in it would begin another one."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _literal(text: str) -> str:
    """Text that Markdown and HTML leave as it is."""
    return "".join(f"\\{letter}" if letter in "\\`*_{}[]<>|#~&" else letter for letter in text)


def _fitting(text: str, most: int) -> bytes:
    """The beginning of a text, by whole lines, that fits into some bytes of UTF-8, and a note where it was cut."""
    content = text.encode(errors="replace")
    if len(content) <= most:
        return content
    room = most - len(_CUT.encode())
    return content[: content.rfind(b"\n", 0, room) + 1] + _CUT.encode() if room > 0 else b""
