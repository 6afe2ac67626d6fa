"""The report as a table, and the one number that people remember."""

from vaeport.common.commands import print_table

from ..judging.verdict import verdict, verdict_text
from .report import BackendReport, Report, Row
from .sentences import claim, shortcoming

_HEADER = ("backend", "graph", "output", "vs float32", "vs float64", "noise floor", "ratio", "flips", "verdict")


def print_report(report: Report) -> None:
    """Print the table, what is missing or refused, what reading the files showed, and the verdict."""
    backends = {one.name: one for one in report.backends}
    print_table(_HEADER, [_line(row, backends.get(row.backend)) for row in report.rows])
    for one in report.backends:
        for row in report.of(one.name):
            if row.failed:
                print(f"failed: {one.name}: {row.failed}")
                break
        if one.refusals:
            print(f"refused, as it may: {one.name}: {one.refusals[0]}")
        if one.place:
            print(f"{one.name} goes wrong first at {one.place}")
    for name, reason in report.missing.items():
        print(f"missing, not compared: {name} ({reason})")
    for finding in report.findings:
        print(f"{'WRONG' if finding.wrong else 'file'}: {finding.subject}: {finding.text}")
    if not report.holds:
        print(f"{claim(report)} on {report.samples} rows: {shortcoming(report)}")
        return
    worst = max(report.deciding, key=lambda row: row.ratio)
    print(
        f"{claim(report)} on {report.samples} rows: at most {worst.ratio:.2f} times the noise floor "
        f"({worst.backend}, {worst.output})"
    )


def _line(row: Row, backend: BackendReport | None) -> tuple[str, ...]:
    figures = ("-", "-") if not row.rows else (f"{row.figures.error_float32:.2e}", f"{row.figures.error_float64:.2e}")
    return (
        f"{row.backend} {backend.version if backend else ''}".strip(),
        row.graph,
        row.output,
        *figures,
        f"{row.noise_floor:.2e}",
        f"{row.ratio:.2f}" if row.rows else "-",
        "-" if row.flips is None else str(row.flips),
        _verdict(row, counts=backend is None or backend.counts),
    )


def _verdict(row: Row, *, counts: bool) -> str:
    """Loud where it decides and does not hold."""
    word = verdict_text(verdict([row]), counts=counts)
    return word.upper() if counts and not row.holds else word
