"""Reports on one or several subjects as a Markdown page."""

import re
from collections.abc import Iterable, Iterator
from textwrap import shorten

from ..judging.report import BackendReport, ReportData, verdict
from ..judging.summary import BASELINE, BATCHES, Latency, Summary, summary
from .sentences import (
    backends_said,
    claim,
    margin,
    missing_groups,
    places,
    printable,
    ratio_text,
    rows_said,
    shortcoming,
    where,
    worst_row,
)

_INTRODUCTION = f"""# Parity

What every backend answers, compared with the reference of each graph. The ratio is the largest error of any output,
against the reference in the graph's own types and in float64, in units of the reference's own rounding noise; 4.0 is
the bound unless another was given. Outputs of integers and booleans must be equal. Flips are rows whose class changed
by more than the tolerance. Row alone is the largest difference of a row run alone from the same row in a batch, in the
same units. Every backend runs in a process of its own on one thread; milliseconds are medians for all graphs together,
of batches of {BATCHES[0]} and {BATCHES[1]}, and beside them in relation to {BASELINE}. A backend that refuses gave no
answer at all to one of the graphs. Backends marked *shown* are known to fall short, or not meant for that precision,
and do not affect the verdict.
"""

_MOST_SAID = 120  # letters of a message
_MOST_NAMED = 4
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|#~])")


def markdown(reports: Iterable[ReportData]) -> str:
    """A page with a section for each report."""
    given = list(reports)
    remarks = {
        one.name: one.remark for report in given for one in report.backends if one.missing is None and one.remark
    }
    known = ["## The backends", "", *(f"- {_plain(name)}: {_plain(remark)}." for name, remark in remarks.items()), ""]
    return "\n".join([_INTRODUCTION, *(["\n".join(known)] if remarks else []), *(_section(report) for report in given)])


def _section(report: ReportData) -> str:
    ran = [(one, summary(report, one)) for one in report.backends if one.missing is None and report.of(one.name)]
    lines = [
        f"## {_plain(report.name)}" + (f", {_plain(report.label)}" if report.label else ""),
        "",
        _headline(report, ran),
        "",
        "| backend | version | worst ratio | at | flips | row alone | ms, 1 | ms, 257 | verdict |",
        "|---|---|---|---|---|---|---|---|---|",
        *_recorded(report),
        *(_line(report, one, found) for one, found in ran),
        "",
        *(f"- {_plain(one.name)}: {' '.join(notes)}" for one, found in ran if (notes := list(_notes(found)))),
        *(f"- First wrong on {_plain(_names(names))}: {_plain(text)}." for text, names in places(report)),
        *(
            f"- Missing, not compared, {_plain(reason)}: {_plain(', '.join(one.name for one in backends))}."
            for reason, backends in missing_groups(report)
        ),
        *(f"- {_plain(finding.subject)}: {_plain(finding.text)}." for finding in report.findings),
        *(
            f"- {_plain(_capital(note))}."
            for note in (*report.notes, *(f"Not asked: {one}" for one in report.left_out))
        ),
    ]
    return "\n".join(lines) + "\n"


def _headline(report: ReportData, ran: list[tuple[BackendReport, Summary]]) -> str:
    verdict_word = "**Holds.**" if report.holds else "**Does not hold.**"
    reason = margin(report) if report.holds else shortcoming(report)
    words = [f"{verdict_word} {_plain(_capital(claim(report)))}: {_plain(reason)}. "]
    words.append(f"{_plain(_capital(rows_said(report)))}; backends: {backends_said(report)}.")
    if report.given_samples:
        fewer = [one for one, _ in ran if one.given_samples < report.given_samples]
        for count in sorted({one.given_samples for one in fewer}):
            names = ", ".join(one.name for one in fewer if one.given_samples == count)
            words.append(f" Of the given rows {_plain(names)} got {count}.")
        flips = {one.name: sum(found.flips_by_set.values()) for one, found in ran if one.counts}
        flipped = ", ".join(f"{name} {count}" for name, count in flips.items() if count)
        words.append(f" Rows that changed class: {_plain(flipped) or 'none'} on backends that count.")
    if report.machine:
        words.append(f" Durations on {_plain(report.machine)}.")
    return "".join(words)


def _recorded(report: ReportData) -> Iterator[str]:
    for file in report.recorded:
        rows = report.of(file)
        worst = worst_row(rows)
        word = "holds" if verdict(rows) == "holds" else f"**{verdict(rows)}**"
        yield f"| {_plain(file)} | | {ratio_text(worst)} | {_plain(where(report, worst))} | | | | | {word} |"


def _line(report: ReportData, one: BackendReport, found: Summary) -> str:
    refuses = found.verdict.startswith("refuses")
    bold = "**" if one.counts and found.verdict != "holds" else ""
    worst = worst_row(report.of(one.name))
    cells = (
        _plain(one.name),
        _plain(one.version),
        "-" if refuses else ratio_text(worst),
        "-" if refuses else _plain(where(report, worst)),
        "-" if refuses else str(found.flips),
        "-" if refuses else f"{found.alone:.2f}",
        *(_duration(found.latencies.get(batch)) for batch in BATCHES),
        f"{bold}{found.verdict}{bold}",
    )
    return f"| {' | '.join(cells)} |"


def _duration(latency: Latency | None) -> str:
    if latency is None:
        return "-"
    return f"{latency.milliseconds:.3g}" + (f" (x{latency.relative:.2g})" if latency.relative else "")


def _notes(found: Summary) -> Iterator[str]:
    for sentence in found.said:
        said = _plain(_capital(shorten(sentence, _MOST_SAID, placeholder=" ...")))
        yield said if said.endswith(".") else f"{said}."
    if found.flips:
        flips = ", ".join(f"{name} {count}" for name, count in found.flips_by_set.items() if count)
        yield f"Flips by input set: {_plain(flips)}."


def _names(names: list[str]) -> str:
    more = len(names) - _MOST_NAMED
    return ", ".join(names) if more <= 1 else f"{', '.join(names[:_MOST_NAMED])} and {more} more"


def _plain(text: str) -> str:
    """Text that stands in Markdown as it is: names of tensors and messages may hold anything."""
    clean = printable(text)
    return _SPECIAL.sub(r"\\\1", clean) if _needs_escape(clean) else clean


def _needs_escape(text: str) -> bool:
    return bool(re.search(r"[\\`*<>|#~\[\]]|(?<!\w)_|_(?!\w)", text))


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]
