"""The report for a terminal: the verdict, one line a backend, each place once; no line is wider than the terminal."""

import shutil
import textwrap
import unicodedata
from collections.abc import Iterator, Sequence

from vaeport.common.commands import print_line

from ..judging.report import BackendReport, ReportData, Row, backend_verdict, verdict, verdict_text
from .sentences import (
    backends_said,
    missing_groups,
    places,
    printable,
    ratio_text,
    rows_said,
    verdict_line,
    where,
    worst_row,
)

_LEAST_WIDTH, _USUAL_WIDTH = 40, 80
_SHRINKING = ((1, 10), (2, 14), (0, 22), (2, 8), (0, 10), (1, 5), (2, 5), (0, 5))  # columns and their least letters
_VERBOSE_SHRINKING = ((0, 14), (0, 5))
_MOST_NOTES = 4
_HEADER = ("backend", "version", "worst output", "ratio", "verdict")
_VERBOSE_HEADER = ("output", "vs native", "vs float64", "floor", "ratio", "flips", "verdict")


def print_report(
    reports: Sequence[ReportData], *, verbose: bool = False, command: str = "", width: int | None = None
) -> None:
    """Print the reports of a subject.

    Args:
        reports: what the comparisons found; one, or one for each precision.
        verbose: also a line for every output of every backend, all notes, and what reading the files showed.
        command: the command that was given; with `--install` behind it, it is shown where backends are missing.
        width: letters in a line; None takes the terminal's (`COLUMNS`), 80 where it has none.
    """
    for line in report_lines(reports, verbose=verbose, command=command, width=width):
        print_line(line)


def report_lines(
    reports: Sequence[ReportData], *, verbose: bool = False, command: str = "", width: int | None = None
) -> list[str]:
    """The lines that `print_report` prints."""
    letters = max(width or shutil.get_terminal_size((_USUAL_WIDTH, 24)).columns, _LEAST_WIDTH)
    lines = _wrapped(verdict_line(reports), letters)
    for report in reports:
        label = f"{report.precision}: " if len(reports) > 1 else ""
        counts = _wrapped(f"{label}{rows_said(report)}; backends: {backends_said(report)}", letters)
        lines += [*([""] if label else []), *counts, "", *_table(report, letters)]
        if verbose:
            for backend in report.backends:
                if rows := report.of(backend.name):
                    lines += ["", *_outputs(report, backend.name, rows, letters, counts=backend.counts)]
    said = [
        *_places(reports, letters),
        *_refusals(reports, letters),
        *_findings(reports, letters, verbose=verbose),
        *_notes(reports, letters, verbose=verbose),
        *_missing(reports, letters, command),
    ]
    return lines + ([""] if said else []) + said


def _table(report: ReportData, width: int) -> list[str]:
    rows = [_recorded_line(report, file) for file in report.recorded]
    rows += [_backend_line(report, one) for one in report.backends if one.missing is None and report.of(one.name)]
    return _columns(_HEADER, rows, width, shrinking=_SHRINKING, numeric=(3,), tails=(2,)) if rows else []


def _backend_line(report: ReportData, backend: BackendReport) -> tuple[str, ...]:
    rows = report.of(backend.name)
    worst = worst_row(rows)
    word = verdict_text(backend_verdict(report, backend), counts=backend.counts)
    loud = word.upper() if backend.counts and word != "holds" else word
    return backend.name, backend.version, where(report, worst), ratio_text(worst), loud


def _recorded_line(report: ReportData, file: str) -> tuple[str, ...]:
    rows = report.of(file)
    worst, word = worst_row(rows), verdict(rows)
    return file, "", where(report, worst), ratio_text(worst), word if word == "holds" else word.upper()


def _outputs(report: ReportData, name: str, rows: Sequence[Row], width: int, *, counts: bool) -> list[str]:
    lines = [
        (
            where(report, row),
            f"{row.figures.error_float32:.2e}" if row.rows else "-",
            f"{row.figures.error_float64:.2e}" if row.rows else "-",
            "equal" if row.exact else f"{row.noise_floor:.2e}",
            ratio_text(row),
            "-" if row.flips is None else str(row.flips),
            verdict_text(verdict([row]), counts=counts),
        )
        for row in rows
    ]
    table = _columns(
        _VERBOSE_HEADER, lines, width, shrinking=_VERBOSE_SHRINKING, numeric=range(1, 6), tails=(0,), indent=2
    )
    return [_fitted(printable(name), width), *table]


def _places(reports: Sequence[ReportData], width: int) -> Iterator[str]:
    for text, names in places(*reports):
        verb = "goes" if len(names) == 1 else "go"
        head = names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
        yield from _wrapped(f"{head} {verb} wrong first at {text}", width)
    failures: dict[str, None] = {}
    for report in reports:
        for backend in report.backends:
            failed = next((row.failed for row in report.of(backend.name) if row.failed), "")
            if failed and not backend.place:
                failures[f"{backend.name} gave no answer: {failed}"] = None
    for text in failures:
        yield from _wrapped(text, width)


def _refusals(reports: Sequence[ReportData], width: int) -> Iterator[str]:
    grouped: dict[str, dict[str, None]] = {}
    for report in reports:
        for backend in report.backends:
            if backend.refusals:
                grouped.setdefault(backend.refusals[0], {})[backend.name] = None
    for text, backends in grouped.items():
        names = list(backends)
        head = names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
        yield _fitted(printable(f"refused, as allowed, by {head}: {text}"), width)


def _findings(reports: Sequence[ReportData], width: int, *, verbose: bool) -> Iterator[str]:
    findings = [finding for report in reports for finding in report.findings if finding.wrong or verbose]
    for finding in dict.fromkeys(findings):
        yield from _wrapped(f"{'WRONG' if finding.wrong else 'file'}: {finding.subject}: {finding.text}", width)


def _notes(reports: Sequence[ReportData], width: int, *, verbose: bool) -> Iterator[str]:
    notes = [
        text
        for report in reports
        for text in (*(f"note: {note}" for note in report.notes), *(f"not asked: {text}" for text in report.left_out))
    ]
    notes = list(dict.fromkeys(notes))
    shown = notes if verbose else notes[:_MOST_NOTES]
    for note in shown:
        yield from _wrapped(note, width)
    if len(shown) < len(notes):
        yield f"{len(notes) - len(shown)} more notes with --verbose"


def _missing(reports: Sequence[ReportData], width: int, command: str) -> Iterator[str]:
    """Backends that are missing, a line for each reason, and the one command that brings them all."""
    installable = False
    lines: dict[str, None] = {}
    for report in reports:
        for reason, backends in missing_groups(report):
            names = ", ".join(backend.name for backend in backends)
            installable = installable or reason == "not installed"
            lines[_fitted(printable(f"missing, {reason} ({len(backends)}): {names}"), width)] = None
    yield from lines
    if installable:
        yield from _install_lines(f"{command} --install" if command else "", width)


def _install_lines(command: str, width: int) -> list[str]:
    """The command in one line, so that it can be copied; where it is wider than the terminal, what to add to it."""
    head = "to install and compare them too"
    for lines in ([f"{head}: {command}"], [f"{head}:", f"  {command}"]):
        if command and all(_letters(line) <= width for line in lines):
            return lines
    return _wrapped(f"{head}, add --install", width)


def _columns(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    width: int,
    *,
    shrinking: Sequence[tuple[int, int]],
    numeric: Sequence[int],
    tails: Sequence[int],
    indent: int = 0,
) -> list[str]:
    """A table whose columns give way, one after the other, until a line fits.

    Args:
        header: words above the columns.
        rows: cells.
        width: letters in a line.
        shrinking: columns with the letters that are left to them, in the order in which they give way.
        numeric: columns that stand to the right.
        tails: columns of which the end says more than the beginning.
        indent: blanks before each line.
    """
    cells = [list(header), *([printable(cell) for cell in row] for row in rows)]
    widths = [max(_letters(row[place]) for row in cells) for place in range(len(header))]
    excess = indent + sum(widths) + 2 * (len(widths) - 1) - width
    for place, least in shrinking:
        given = max(0, min(excess, widths[place] - least))
        widths[place] -= given
        excess -= given
    lines = []
    for row in cells:
        fitted = [_fitted(cell, widths[place], tail=place in tails) for place, cell in enumerate(row)]
        blanks = [" " * (wide - _letters(cell)) for cell, wide in zip(fitted, widths, strict=True)]
        placed = [b + c if place in numeric else c + b for place, (c, b) in enumerate(zip(fitted, blanks, strict=True))]
        lines.append(_fitted((" " * indent + "  ".join(placed)).rstrip(), width))
    return lines


def _wrapped(text: str, width: int) -> list[str]:
    lines = textwrap.wrap(printable(text), width, subsequent_indent="  ", break_on_hyphens=False)
    return [part for line in lines for part in ([line] if _letters(line) <= width else _broken(line, width))]


def _broken(line: str, width: int) -> list[str]:
    """A line of wide letters in parts, which textwrap counts as narrow ones."""
    parts, rest = [], line
    while _letters(rest) > width:
        cut = next(n for n in range(len(rest), 0, -1) if _letters(rest[:n]) <= width)
        parts.append(rest[:cut])
        rest = "  " + rest[cut:]
    return [*parts, rest]


def _fitted(text: str, width: int, *, tail: bool = False) -> str:
    """A text in so many letters, its end or its beginning left out."""
    if _letters(text) <= width:
        return text
    if tail and text.isascii():
        return "..." + text[len(text) - width + 3 :]
    kept = next((n for n in range(len(text), 0, -1) if _letters(text[:n]) <= width - 3), 0)
    return text[:kept] + "..."


def _letters(text: str) -> int:
    """Columns that a text takes on a terminal: East Asian letters take two, combining marks none."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(letter) else 1 + (unicodedata.east_asian_width(letter) in "WF") for letter in text
    )
