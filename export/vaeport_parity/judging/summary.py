"""One backend in a line: its verdict, its worst figures, and how long it took."""

from dataclasses import dataclass

from vaeport.checks.comparison import error_ratio

from ..running.execution import NOT_TRIED
from .report import BackendReport, ReportData, backend_verdict, verdict_text

BASELINE = "onnxruntime-all"
"""The backend that durations are related to: what vaeport runs."""

BATCHES = (1, 257)
"""Batch sizes that are timed."""


@dataclass(frozen=True)
class Latency:
    """Duration of all graphs together at one batch size."""

    milliseconds: float
    """Median."""
    relative: float | None
    """In relation to `BASELINE`; None where that was not timed."""


@dataclass(frozen=True)
class Summary:
    """One backend as a whole."""

    verdict: str
    """As of `judging.report`; `, shown` behind it where the backend does not count."""
    ratio: float
    """Largest error of all that was answered, in noise floors."""
    at: str
    """Graph and output of that error."""
    flips: int
    """Rows whose class changed."""
    flips_by_set: dict[str, int]
    """The same by input set."""
    alone: float
    """Largest difference of a row alone from the same row in a batch, in noise floors."""
    latencies: dict[int, Latency]
    """By batch size."""
    said: tuple[str, ...]
    """What it said where it gave no answer, a sentence a graph, then what it refuses as it may; without what followed
    from it: steps that were not tried, and other batches of a graph that got no answer at all."""


def summary(report: ReportData, one: BackendReport) -> Summary:
    """Sum up a backend that was compared.

    Args:
        report: the report.
        one: a backend of it that is not missing.
    """
    rows = report.of(one.name)
    worst = max(rows, key=lambda row: error_ratio(row.figures.max_abs, row.noise_floor))
    return Summary(
        verdict_text(backend_verdict(report, one), counts=one.counts),
        error_ratio(worst.figures.max_abs, worst.noise_floor),
        f"{worst.graph}/{worst.output}",
        sum(row.flips or 0 for row in rows),
        {name: count for row in rows for name, count in row.flips_by_set.items()},
        max(error_ratio(row.alone, row.noise_floor) for row in rows),
        dict(_latencies(report, one)),
        tuple(_said(report, one)),
    )


def _said(report: ReportData, one: BackendReport) -> list[str]:
    failed = {row.graph: f"no answer to {row.failed}" for row in report.of(one.name) if row.failed}
    tried = [sentence for sentence in failed.values() if NOT_TRIED not in sentence] or list(failed.values())
    refusals = [text for text in one.refusals if NOT_TRIED not in text and not text.startswith(tuple(failed))]
    return tried + [f"does not take {text}" for text in refusals]


def _latencies(report: ReportData, one: BackendReport) -> list[tuple[int, Latency]]:
    found = []
    for batch in BATCHES:
        own = _milliseconds(one, batch)
        if own is not None:
            baseline = next((_milliseconds(each, batch) for each in report.backends if each.name == BASELINE), None)
            found.append((batch, Latency(own, own / baseline if baseline else None)))
    return found


def _milliseconds(one: BackendReport, batch: int) -> float | None:
    suffix = f" x {batch}"
    timed = {key.removesuffix(suffix): value for key, value in one.milliseconds.items() if key.endswith(suffix)}
    graphs = {key.rsplit(" x ", 1)[0] for key in one.milliseconds}
    return sum(timed.values()) if timed and timed.keys() == graphs else None
