"""The report as one self-contained HTML page: the verdict, what falls short and why, then the figures."""

import base64
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from vaeport.checks.comparison import error_ratio
from vaeport.common.extras import needs_extra

from ..judging.report import BackendReport, ReportData, Row, verdict, verdict_text
from ..judging.summary import BASELINE, BATCHES, Latency, Summary, summary
from .sentences import (
    backends_said,
    claim,
    margin,
    missing_groups,
    places,
    ratio_text,
    row_sentence,
    rows_said,
    short_number,
    shortcoming,
    verdict_line,
    where,
    worst_row,
)

if TYPE_CHECKING:
    from jinja2 import Template

_MOST_COLUMNS = 8
_MOST_MAPS = 24


@dataclass(frozen=True)
class Cell:
    """One cell of a table."""

    text: str
    """What stands in it."""
    kind: str = ""
    """Its class in the style: `ok`, `no`, `shown` or `none`."""
    share: float | None = None
    """Part of the bound, as a bar behind the text."""
    small: str = ""
    """Small print below."""
    tip: str = ""
    """What it says when it is pointed at."""


@dataclass(frozen=True)
class Line:
    """One line of a table."""

    name: str
    """Name of the backend."""
    version: str
    """Its version; empty for recorded answers."""
    verdict: Cell
    """Its verdict."""
    cells: tuple[Cell, ...]
    """The other cells."""


def html_page(reports: Sequence[ReportData]) -> str:
    """The page as text, a section for each report; it needs nothing beside it.

    Raises:
        MissingExtraError: the export extra is not installed.
    """
    name, labels = reports[0].name, [report.label for report in reports]
    return _template().render(
        title=f"Parity of {name}" + (f", {labels[0]}" if len(reports) == 1 and labels[0] else ""),
        holds=all(report.holds for report in reports),
        verdict=verdict_line(reports),
        sections=[_section(report) for report in reports],
    )


def _section(report: ReportData) -> dict[str, Any]:
    """Everything that the page says of one report."""
    return {
        "report": report,
        "anchor": report.precision,
        "verdict": f"{claim(report)}: {margin(report) if report.holds else shortcoming(report)}",
        "counts": f"{rows_said(report)}. Backends: {backends_said(report)}.",
        "reasons": list(_reasons(report)),
        "places": places(report),
        "overview": _overview(report),
        "chain": [_chain_line(row) for row in report.rows if row.shares],
        "sets": _sets(report),
        "maps": _maps(report),
        "details": [_figures_line(report, row) for row in report.rows],
        "missing": [(reason, [one.name for one in backends]) for reason, backends in missing_groups(report)],
        "notes": _notes(report),
    }


@cache
def _template() -> "Template":
    with needs_extra("export"):
        from jinja2 import Environment, PackageLoader, StrictUndefined
    loader = PackageLoader("vaeport_parity.reporting")
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("page.html.j2")


def _reasons(report: ReportData) -> Iterable[tuple[str, str, str]]:
    """What falls short and why: class of the style, name, sentence."""
    for finding in report.findings:
        if finding.wrong:
            yield "no", finding.subject, finding.text
    for file in report.recorded:
        if verdict(report.of(file)) != "holds":
            worst = worst_row(report.of(file))
            yield "no", file, f"{where(report, worst)} {row_sentence(worst)}"
    for one in _compared(report):
        found = summary(report, one)
        if found.verdict != "holds":
            worst = worst_row(report.of(one.name))
            said = "; ".join(found.said) or f"{where(report, worst)} {row_sentence(worst)}"
            yield _kind(found.verdict), f"{one.name} {found.verdict}", said


def _notes(report: ReportData) -> list[tuple[str, str]]:
    """What to know: subject and sentence."""
    notes = [("how", note) for note in report.notes] + [("not asked", text) for text in report.left_out]
    notes += [(one.name, one.remark) for one in _compared(report) if one.remark]
    for one in _compared(report):
        found = summary(report, one)
        notes += [(one.name, sentence) for sentence in found.said if found.verdict == "holds"]
    return notes + [(finding.subject, finding.text) for finding in report.findings if not finding.wrong]


def _compared(report: ReportData) -> list[BackendReport]:
    return [one for one in report.backends if one.missing is None and report.of(one.name)]


def _overview(report: ReportData) -> dict[str, Any]:
    """A line for each backend: verdict, ratio of every output, flips, row alone and durations."""
    columns = [(graph, output) for graph, outputs in report.graphs.items() for output in outputs]
    if len(columns) > _MOST_COLUMNS:
        columns = []
    found = [(one, summary(report, one)) for one in _compared(report)]
    timed = [batch for batch in BATCHES if any(batch in each.latencies for _, each in found)]
    flips = any(row.flips is not None for row in report.rows)
    lines = [_line(report, file, None, columns, timed, flips=flips) for file in report.recorded]
    lines += [_line(report, one.name, (one, each), columns, timed, flips=flips) for one, each in found]
    return {
        "graphs": [(graph, len(outputs)) for graph, outputs in report.graphs.items()] if columns else [],
        "heads": [output for _, output in columns] or ["worst output"],
        "flips": flips,
        "timed": timed,
        "baseline": BASELINE,
        "lines": lines,
    }


def _line(
    report: ReportData,
    name: str,
    found: tuple[BackendReport, Summary] | None,
    columns: Sequence[tuple[str, str]],
    timed: Sequence[int],
    *,
    flips: bool,
) -> Line:
    rows = report.of(name)
    text = found[1].verdict if found else verdict(rows)
    kind = _kind(text)
    by_column = {(row.graph, row.output): row for row in rows}
    cells = [_ratio_cell(by_column.get(column), kind) for column in columns]
    if not columns:
        worst = worst_row(rows)
        cell = _ratio_cell(worst, kind)
        cells = [Cell(cell.text, cell.kind, cell.share, where(report, worst), cell.tip)]
    refuses = text.startswith("refuses")
    if flips:
        count = sum(row.flips or 0 for row in rows)
        cells.append(Cell("-", "none") if refuses else Cell(str(count), kind if count else ""))
    alone = max(error_ratio(row.alone, row.noise_floor) for row in rows)
    cells.append(Cell("-", "none") if refuses else Cell(short_number(alone)))
    cells += [_duration(found[1].latencies.get(batch) if found else None) for batch in timed]
    return Line(name, found[0].version if found else "", Cell(text, kind), tuple(cells))


def _ratio_cell(row: Row | None, kind: str) -> Cell:
    if row is None or not (row.rows or row.failed):
        return Cell("-", "none")
    if not row.rows:
        return Cell("no answer", kind, tip=row.failed)
    if not row.holds:
        return Cell(ratio_text(row), kind, tip=row_sentence(row))
    tip = f"{row.in_doubt} entries in doubt were left out" if row.in_doubt else ""
    return Cell(ratio_text(row), "", _share(row.figures.max_abs, row), tip=tip)


def _duration(latency: Latency | None) -> Cell:
    if latency is None:
        return Cell("-", "none")
    return Cell(f"{latency.milliseconds:.3g}", small=f"x{latency.relative:.2g}" if latency.relative else "")


def _chain_line(row: Row) -> dict[str, Any]:
    """Shares of the graphs in the error of an output of the chain."""
    shares = row.shares
    if shares is None:
        raise ValueError("the row is not of a chain")
    before, last = abs(shares.before), abs(shares.last)
    part = 1.0 if before == float("inf") else before / (before + last) if before + last else 0.0
    numbers = (shares.before + shares.last, shares.before, shares.last, shares.before_max, shares.last_max)
    return {
        "backend": row.backend,
        "graphs": shares.graphs,
        "numbers": [f"{number:.2e}" for number in numbers],
        "part": part,
    }


def _sets(report: ReportData) -> dict[str, Any]:
    """The worst ratio of each backend by input set, and its flips there."""
    names = list(dict.fromkeys(name for row in report.rows for name in row.by_set))
    lines = []
    for one in _compared(report):
        rows = report.of(one.name)
        if any(row.by_set for row in rows):
            asked = (Cell(str(one.given_samples)),) if report.given_samples else ()
            kind = "no" if one.counts else "shown"
            lines.append((one.name, (*(_set_cell(rows, name, kind) for name in names), *asked)))
    heads = [*names, *(["given rows asked"] if report.given_samples else [])]
    return {"heads": heads, "lines": lines if len(names) > 1 else []}


def _set_cell(rows: Sequence[Row], name: str, kind: str) -> Cell:
    asked = [row for row in rows if name in row.by_set]
    if not asked:
        return Cell("-", "none")
    floats = [row for row in asked if not row.exact]
    differing = [row for row in asked if row.exact and row.by_set[name]]
    ratio = max((error_ratio(row.by_set[name], row.noise_floor) for row in floats), default=0.0)
    flips = sum(row.flips_by_set.get(name, 0) for row in asked)
    text = short_number(ratio) if floats else "differ" if differing else "equal"
    small = f"{flips} flips" if flips else "integers differ" if differing and floats else ""
    if flips or any(row.by_set[name] > row.tolerance for row in asked):
        return Cell(text, kind, small=small)
    return Cell(text, share=max((_share(row.by_set[name], row) for row in floats), default=0.0), small=small)


def _share(error: float, row: Row) -> float:
    return min(error / row.tolerance, 1) if row.tolerance else 0.0


def _maps(report: ReportData) -> list[dict[str, Any]]:
    """For every output that is an image, the largest difference of each pixel as a picture; the worst first."""
    rows = sorted((row for row in report.rows if row.heat and row.tolerance), key=lambda row: -row.ratio)
    return [_map(report, row) for row in rows[:_MOST_MAPS]]


def _map(report: ReportData, row: Row) -> dict[str, Any]:
    with needs_extra("export"):
        from PIL import Image
    values = np.clip(np.array(row.heat) * row.noise_floor / row.tolerance, 0, 1)
    buffer = io.BytesIO()
    Image.fromarray((values * 255).astype(np.uint8)).save(buffer, "PNG")
    return {
        "label": f"{row.backend}, {where(report, row)}: {short_number(row.ratio)}",
        "source": f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}",
    }


def _figures_line(report: ReportData, row: Row) -> dict[str, Any]:
    """Every figure of one output."""
    figures = row.figures
    backend = next((one for one in report.backends if one.name == row.backend), None)
    word = verdict_text(verdict([row]), counts=backend is None or backend.counts)
    most = max(*figures.ulps, 1)
    numbers = [figures.max_abs, figures.max_relative, figures.median, figures.percentile_999]
    return {
        "names": (row.backend, row.graph, row.output),
        "ratio": ratio_text(row),
        "numbers": [f"{number:.2e}" if row.rows and not row.exact else "-" for number in numbers],
        "bars": [] if row.exact or not row.rows else [(100 * count / most, count) for count in figures.ulps],
        "psnr": "-" if row.exact or not row.rows else f"{figures.psnr:.1f}",
        "flips": "" if row.flips is None else str(row.flips),
        "verdict": Cell(word, _kind(word), tip="" if row.holds else row_sentence(row)),
    }


def _kind(verdict_words: str) -> str:
    """Class of a verdict in the style."""
    if verdict_words == "holds":
        return "ok"
    return "shown" if verdict_words.endswith("shown") else "no"
