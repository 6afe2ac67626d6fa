"""The report as one self-contained HTML page, with maps of where drawn images differ."""

import base64
import html
import io

import numpy as np
from PIL import Image

from ..report import BackendReport, ParityReport, ParityRow
from ..sentences import row_sentence

_STYLE = """body{font:15px/1.5 system-ui,sans-serif;max-width:95rem;margin:2rem auto;padding:0 1rem;color:#222;
background:#fff}table{border-collapse:collapse;width:100%;margin:1rem 0}th,td{padding:.25rem .4rem;text-align:left;
border-bottom:1px solid #ddd}td.n{text-align:right;font-variant-numeric:tabular-nums}
.no{color:#b00020;font-weight:600}.shown{color:#8a5a00}.ok{color:#0a6b2d}
figure{display:inline-block;vertical-align:top;margin:.5rem 1rem .5rem 0}figcaption{font-size:.8rem;max-width:9rem}
img{image-rendering:pixelated;width:8rem;border:1px solid #ccc}
.steps{display:flex;align-items:flex-end;height:1.5rem;gap:1px}
.steps i{width:.6rem;background:#4a78b5}
td:first-child{white-space:nowrap}
@media(prefers-color-scheme:dark){body{background:#151515;color:#ddd}th,td{border-color:#333}.ok{color:#5fd08a}.no{color:#ff7b7b}
.shown{color:#e0b060}}"""

_INTRODUCTION = (
    "<p>The ratio is the largest error against PyTorch in float32 and float64, in units of PyTorch's own rounding "
    "noise; up to 4 it holds. Bars show how many float32 steps answers are from the exact ones: none, 1, 2-3, 4-7, "
    "8-15, 16-63, 64-255, more.</p>"
)
_MAPS = "<h2>Where drawn images differ</h2><p>Largest difference of each pixel; white is the bound or more.</p>"


def html_page(report: ParityReport) -> str:
    """The page as text; it needs nothing beside it."""
    title = html.escape(f"Parity of {report.bundle}")
    kind = "ok" if report.holds else "no"
    verdict = "answers as PyTorch does" if report.holds else "does NOT answer as PyTorch does"
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<style>{_STYLE}</style><h1>{title}</h1>"
        f'<p class="{kind}">{html.escape(report.bundle)} {verdict} on {report.images} images.</p>{_INTRODUCTION}'
        f"{_table(report)}{_maps(report)}{_notes(report)}</html>\n"
    )


def _table(report: ParityReport) -> str:
    head = (
        "<tr><th>backend<th>graph<th>output<th>ratio<th>largest error<th>relative<th>median<th>99.9 %"
        "<th>float32 steps<th>PSNR, dB<th>flips<th>verdict</tr>"
    )
    backends = {one.name: one for one in report.backends}
    return f"<table>{head}{''.join(_line(row, backends.get(row.backend)) for row in report.rows)}</table>"


def _line(row: ParityRow, one: BackendReport | None) -> str:
    figures = row.figures
    numbers = (
        f"{row.ratio:.2f}",
        f"{figures.max_abs:.2e}",
        f"{figures.max_relative:.2e}",
        f"{figures.median:.2e}",
        f"{figures.percentile_999:.2e}",
    )
    shown = one is not None and not one.counts
    kind, word = ("ok", "holds") if row.holds else ("shown", "falls short, shown") if shown else ("no", "falls short")
    tip = "" if row.holds else f' title="{html.escape(row_sentence(row))}"'
    return (
        f"<tr><td>{html.escape(row.backend)} {html.escape(one.version if one else '')}<td>{row.graph}<td>{row.output}"
        + "".join(f'<td class="n">{number}' for number in numbers)
        + f'<td>{_bars(figures.ulps)}<td class="n">{figures.psnr:.1f}'
        + f'<td class="n">{"" if row.class_flips is None else row.class_flips}<td class="{kind}"{tip}>{word}</tr>'
    )


def _bars(counts: tuple[int, ...]) -> str:
    most = max(*counts, 1)
    heights = [100 * count / most for count in counts]
    bars = [f'<i style="height:{height:.0f}%" title="{n}"></i>' for height, n in zip(heights, counts, strict=True)]
    return f'<span class="steps">{"".join(bars)}</span>'


def _maps(report: ParityReport) -> str:
    figures = [_figure(row) for row in report.rows if row.heat]
    return _MAPS + "".join(figures) if figures else ""


def _figure(row: ParityRow) -> str:
    values = np.clip(np.array(row.heat) / 4, 0, 1)
    buffer = io.BytesIO()
    Image.fromarray((values * 255).astype(np.uint8)).save(buffer, "PNG")
    source = base64.b64encode(buffer.getvalue()).decode()
    label = html.escape(f"{row.backend}, {row.graph}: {row.ratio:.2f}")
    return f'<figure><img alt="{label}" src="data:image/png;base64,{source}"><figcaption>{label}</figcaption></figure>'


def _notes(report: ParityReport) -> str:
    notes = [
        f"{one.name}: {note}" for one in report.backends for note in (one.remark, *one.refusals, one.place) if note
    ]
    notes += [f"{name}: missing, not compared: {reason}" for name, reason in report.missing.items()]
    notes += [f"{finding.subject}: {finding.text}" for finding in report.findings]
    return f"<h2>To know</h2><ul>{''.join(f'<li>{html.escape(note)}' for note in notes)}</ul>"
