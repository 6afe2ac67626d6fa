"""Reports of one or several bundles as a Markdown page."""

from collections.abc import Iterable, Iterator
from textwrap import shorten

from ..judging.summary import BASELINE, BATCHES, Latency, Summary, summary
from .report import BackendReport, Report

_INTRODUCTION = f"""# Parity

What every backend answers to the graphs of a bundle, compared with the PyTorch network it came from; made by
`make parity`. The ratio is the largest error of any output, against PyTorch in float32 and in float64, in units of
PyTorch's own rounding noise; 4.0 is the bound. Below float32 the yardstick is the graph itself, as onnxruntime runs it
without rewriting, and the noise is what faithful ways to run it differ by. Flips are images whose class changed by more
than the tolerance. Row alone is the largest difference of a row run alone from the same row in a batch, in the same
units. Every backend ran in a process of its own on one thread; milliseconds are medians for both graphs together, of
batches of 1 and 257, and beside them in relation to {BASELINE}. A backend that refuses gave no answer at all to one of
the graphs. One that is shown is known to fall short, or has no duty in that precision, and does not decide.
"""

_GIVEN = "test"  # name of the set of given rows
_MOST_SAID = 120  # letters of a message


def markdown(reports: Iterable[Report]) -> str:
    """A page with a section for each bundle and precision."""
    given = list(reports)
    remarks = {
        one.name: one.remark for report in given for one in report.backends if one.missing is None and one.remark
    }
    known = "\n".join(["## The backends", "", *(f"- {name}: {remark}." for name, remark in remarks.items()), ""])
    return "\n".join([_INTRODUCTION, known, *(_section(report) for report in given)])


def _section(report: Report) -> str:
    ran = [(one, summary(report, one)) for one in report.backends if one.missing is None]
    lines = [
        f"## {report.name}" + (f", {report.label}" if report.label else ""),
        "",
        _headline(report, ran),
        "",
        "| backend | version | worst ratio | at | flips | row alone | ms, 1 | ms, 257 | verdict |",
        "|---|---|---|---|---|---|---|---|---|",
        *_golden(report),
        *(_line(one, found) for one, found in ran),
        "",
        *(f"- {one.name}: {' '.join(notes)}" for one, found in ran if (notes := list(_notes(one, found)))),
        *(f"- {name}: missing, not compared: {reason}." for name, reason in report.missing.items()),
        *(f"- {finding.subject}: {finding.text}." for finding in report.findings),
    ]
    return "\n".join(lines) + "\n"


def _headline(report: Report, ran: list[tuple[BackendReport, Summary]]) -> str:
    words = [f"{len(ran)} backend{'s' * (len(ran) != 1)}, {report.samples} images"]
    if report.given_samples:
        words.append(f", {report.given_samples} of them test images")
        fewer = [one for one, _ in ran if one.given_samples < report.given_samples]
        for count in sorted({one.given_samples for one in fewer}):
            names = ", ".join(one.name for one in fewer if one.given_samples == count)
            words.append(f" (of which {names} got {count})")
    words.append(". " + ("All that count hold." if report.holds else "**Not all that count hold.**"))
    if report.given_samples:
        flips = {one.name: found.flips_by_set.get(_GIVEN, 0) for one, found in ran if one.counts}
        flipped = ", ".join(f"{name} {count}" for name, count in flips.items() if count)
        words.append(f" Test images that changed class: {flipped or 'none'} on backends that count.")
    if report.machine:
        words.append(f" Durations on {report.machine}.")
    return "".join(words)


def _golden(report: Report) -> Iterator[str]:
    for file in report.recorded:
        rows = report.of(file)
        worst = max(rows, key=lambda row: row.ratio)
        verdict = "holds" if all(row.holds for row in rows) else "**falls short**"
        yield f"| {file} | | {worst.ratio:.2f} | {worst.graph}/{worst.output} | | | | | {verdict} |"


def _line(one: BackendReport, found: Summary) -> str:
    refuses = found.verdict.startswith("refuses")
    bold = "**" if one.counts and found.verdict != "holds" else ""
    cells = (
        one.name,
        one.version,
        "-" if refuses else f"{found.ratio:.3g}" if found.ratio >= 100 else f"{found.ratio:.2f}",
        "-" if refuses else found.at,
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


def _notes(one: BackendReport, found: Summary) -> Iterator[str]:
    for sentence in found.said:
        said = _capital(shorten(sentence, _MOST_SAID, placeholder=" ..."))
        yield said if said.endswith(".") else f"{said}."
    if found.flips:
        flips = ", ".join(f"{name} {count}" for name, count in found.flips_by_set.items() if count)
        yield f"Flips by input set: {flips}."
    if one.place:
        yield f"First wrong: {one.place}."


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]
