"""What holds. Tables, pages, JUnit files and exit codes all decide by these functions."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from ..reporting.report import BackendReport, Report, Row

Verdict = Literal["holds", "falls short", "refuses", "missing"]
"""`refuses` where a graph got no answer at all, `missing` where the backend is not installed."""


def row_holds(row: "Row") -> bool:
    """Whether one output of one graph on one backend is within its bounds; one that was never asked is not."""
    answered = row.rows > 0 and row.repeatable and not row.failed and not row.flips and not row.mismatches
    return answered and max(row.figures.max_abs, row.alone) <= row.tolerance


def verdict(rows: "Sequence[Row]") -> Verdict:
    """The verdict on rows of one backend: all of them, or those of one graph or output.

    Args:
        rows: its rows; none where the backend is missing.
    """
    if not rows:
        return "missing"
    if all(row_holds(row) for row in rows):
        return "holds"
    graphs = dict.fromkeys(row.graph for row in rows)
    silent = [graph for graph in graphs if not any(row.rows for row in rows if row.graph == graph)]
    return "refuses" if silent else "falls short"


def verdict_text(word: Verdict, *, counts: bool) -> str:
    """The verdict in a table: a backend that does not count and does not hold is only shown."""
    return word if counts or word in ("holds", "missing") else f"{word}, shown"


def counting_rows(report: "Report") -> "tuple[Row, ...]":
    """Rows that decide: those of recorded answers, and those of backends that count."""
    shown = {backend.name for backend in report.backends if not backend.counts}
    return tuple(row for row in report.rows if row.backend not in shown)


def report_holds(report: "Report") -> bool:
    """Whether every deciding row holds, nothing in the files is wrong, and any backend ran at all."""
    rows = counting_rows(report)
    backends = {backend.name for backend in report.backends}
    ran = any(row.backend in backends for row in rows)
    return ran and verdict(rows) == "holds" and not any(finding.wrong for finding in report.findings)


def backend_verdict(report: "Report", backend: "BackendReport") -> Verdict:
    """The verdict on one backend of a report."""
    return "missing" if backend.missing is not None else verdict(report.of(backend.name))
