"""What the HTML page has beside its tables of verdicts: all figures of all outputs, and maps of drawn images."""

import base64
import html
import io

import numpy as np
from PIL import Image

from ..report import BackendReport, ParityReport, ParityRow
from ..sentences import row_sentence


def maps(report: ParityReport) -> str:
    """For every output that is an image, the largest difference of each pixel as a picture; the worst first."""
    rows = sorted((row for row in report.rows if row.heat), key=lambda row: -row.ratio)
    if not rows:
        return ""
    return (
        "<h2>Where drawn images differ</h2><p>Largest difference of each pixel, the worst backend first; black is "
        f"none, white is the bound or more.</p>{''.join(_figure(row) for row in rows)}"
    )


def details(report: ParityReport) -> str:
    """Every figure of every output, folded away."""
    head = (
        '<tr><th>backend<th>graph<th>output<th class="n">ratio<th class="n">largest error<th class="n">relative'
        '<th class="n">median<th class="n">99.9 %<th>float32 steps<th class="n">PSNR, dB<th class="n">flips<th>verdict'
        "</tr>"
    )
    backends = {one.name: one for one in report.backends}
    lines = "".join(_line(row, backends.get(row.backend)) for row in report.rows)
    return (
        "<h2>All figures</h2><details><summary>Every output of every backend</summary><p>Largest, relative, median and "
        "99.9 % errors are against PyTorch float64. Bars show how many float32 steps answers are from the exact ones: "
        "none, 1, 2-3, 4-7, 8-15, 16-63, 64-255, more.</p>"
        f'<div class="wide"><table>{head}{lines}</table></div></details>'
    )


def _figure(row: ParityRow) -> str:
    values = np.clip(np.array(row.heat) * row.noise_floor / row.tolerance, 0, 1)
    buffer = io.BytesIO()
    Image.fromarray((values * 255).astype(np.uint8)).save(buffer, "PNG")
    source = base64.b64encode(buffer.getvalue()).decode()
    label = html.escape(f"{row.backend}, {row.graph}: {row.ratio:.2f}")
    return f'<figure><img alt="{label}" src="data:image/png;base64,{source}"><figcaption>{label}</figcaption></figure>'


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
        f"<tr><td>{html.escape(row.backend)}<td>{row.graph}<td>{row.output}"
        + "".join(f'<td class="n">{number}' for number in numbers)
        + f'<td>{_bars(figures.ulps)}<td class="n">{figures.psnr:.1f}'
        + f'<td class="n">{"" if row.class_flips is None else row.class_flips}<td class="{kind}"{tip}>{word}</tr>'
    )


def _bars(counts: tuple[int, ...]) -> str:
    most = max(*counts, 1)
    heights = [100 * count / most for count in counts]
    bars = [f'<i style="height:{height:.0f}%" title="{n}"></i>' for height, n in zip(heights, counts, strict=True)]
    return f'<span class="steps">{"".join(bars)}</span>'
