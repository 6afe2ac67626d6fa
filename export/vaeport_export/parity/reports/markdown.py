"""Reports of one or several bundles as a Markdown page."""

from collections.abc import Iterable

from vaeport.comparison import error_ratio
from vaeport.contract import DECODER, ENCODER_CLASSIFIER, FP32, GOLDEN_FILE

from ..report import BackendReport, ParityReport

_INTRODUCTION = """# Parity

What every backend answers to the graphs of a bundle, compared with the PyTorch network it came from; made by
`make parity`. The ratio is the largest error of any output, against PyTorch in float32 and in float64, in units of
PyTorch's own rounding noise; 4.0 is the bound. Flips are images whose class changed by more than the tolerance. Every
backend ran in a process of its own on one thread; milliseconds are medians for both graphs together, of batches of 1
and 257, taken while the machine had other work, so compare their size, not their digits.
"""

_MOST_SAID = 120  # letters of a message


def markdown(reports: Iterable[ParityReport]) -> str:
    """A page with a section for each bundle."""
    return "\n".join([_INTRODUCTION, *(_section(report) for report in reports)])


def _section(report: ParityReport) -> str:
    ran = [one for one in report.backends if one.missing is None]
    lines = [
        f"## {report.bundle}" + ("" if report.precision == FP32 else f", {report.precision}"),
        "",
        f"{len(ran)} backends, {report.images} images. "
        + ("All that count hold." if report.holds else "**Not all that count hold.**"),
        "",
        "| backend | version | worst ratio | at | flips | row alone | ms, 1 | ms, 257 | verdict | to know |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    golden = max(report.of(GOLDEN_FILE), key=lambda row: row.ratio, default=None)
    if golden:
        lines.append(f"| {GOLDEN_FILE} | | {golden.ratio:.2f} | {golden.output} | | | | | {_verdict(golden.holds)} | |")
    lines += [_line(report, one) for one in ran]
    lines += ["", *(f"- {name}: missing, not compared: {reason}" for name, reason in report.missing.items())]
    lines += [f"- {finding.subject}: {finding.text}" for finding in report.findings]
    return "\n".join(lines) + "\n"


def _line(report: ParityReport, one: BackendReport) -> str:
    rows = report.of(one.name)
    worst = max(rows, key=lambda row: row.ratio)
    flips = sum(row.class_flips or 0 for row in rows)
    alone = max(error_ratio(row.alone, row.noise_floor) for row in rows)
    failed = next((row.failed for row in rows if row.failed), "")
    holds = all(row.holds for row in rows)
    notes = [one.remark, *(f"refuses {refusal[:_MOST_SAID]}" for refusal in one.refusals)]
    notes += [failed] if failed else []
    notes += [f"first wrong at {one.place}"] if one.place else []
    ratio = "-" if failed else f"{worst.ratio:.3g}" if worst.ratio >= 100 else f"{worst.ratio:.2f}"
    cells = (
        one.name,
        one.version,
        ratio,
        f"{worst.graph}/{worst.output}",
        str(flips),
        f"{alone:.2f}",
        _both(one, 1),
        _both(one, 257),
        _verdict(holds, counts=one.counts),
        "; ".join(note for note in notes if note).replace("|", "/"),
    )
    return f"| {' | '.join(cells)} |"


def _both(one: BackendReport, batch: int) -> str:
    """Milliseconds of both graphs together at a batch size."""
    parts = [one.milliseconds.get(f"{graph} x {batch}") for graph in (ENCODER_CLASSIFIER, DECODER)]
    known = [part for part in parts if part is not None]
    return f"{sum(known):.3g}" if len(known) == len(parts) else "-"


def _verdict(holds: bool, *, counts: bool = True) -> str:
    return "holds" if holds else "**falls short**" if counts else "falls short, shown"
