"""The report as one self-contained HTML page: the verdict, what falls short and why, then the figures."""

import base64
import html
import io
from collections.abc import Sequence

import numpy as np
from PIL import Image

from vaeport.checks.comparison import error_ratio

from ..judging.summary import BASELINE, BATCHES, Summary, summary
from ..judging.verdict import verdict, verdict_text
from .report import BackendReport, Report, Row
from .sentences import claim, row_sentence, shortcoming

_STYLE = """body{font:15px/1.5 system-ui,sans-serif;max-width:84rem;margin:2rem auto;padding:0 1rem;color:#222;
background:#fff}h1{margin-bottom:.5rem}h2{margin-top:2.2rem}table{border-collapse:collapse;margin:1rem 0}
th,td{padding:.25rem .6rem;text-align:left;border-bottom:1px solid #ddd;vertical-align:top}
th{font-weight:600;font-size:.85rem}th.g{text-align:center}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
td:first-child,td:nth-child(2){white-space:nowrap}
small{opacity:.7;display:block;white-space:normal;max-width:11rem}li{margin:.4rem 0}
.verdict{font-size:1.25rem;padding:.7rem 1rem;border-left:.4rem solid;border-radius:.2rem;background:#8881}
.no{color:#b00020;font-weight:600}.shown{color:#8a5a00}.ok{color:#0a6b2d}td.none{opacity:.45}
td.r{background:linear-gradient(90deg,#0a6b2d33 var(--w),transparent var(--w))}
td.r.no{background:#b0002022}td.r.shown{background:#8a5a0022}
.split{display:flex;width:10rem;height:.9rem;margin-top:.3rem}.split i{background:#4a78b5}
.split i+i{background:#d08a3c}.key i{display:inline-block;width:.8rem;height:.8rem;margin:0 .3rem 0 .8rem;
background:#4a78b5}.key i+i{background:#d08a3c}
figure{display:inline-block;vertical-align:top;margin:.5rem 1rem .5rem 0}figcaption{font-size:.8rem;max-width:9rem}
img{image-rendering:pixelated;width:8rem;border:1px solid #ccc}summary{cursor:pointer}
.steps{display:flex;align-items:flex-end;height:1.5rem;gap:1px}.steps i{width:.6rem;background:#4a78b5}
.wide{overflow-x:auto}
@media(prefers-color-scheme:dark){body{background:#151515;color:#ddd}th,td{border-color:#333}.ok{color:#5fd08a}
.no{color:#ff7b7b}.shown{color:#e0b060}td.r{background:linear-gradient(90deg,#5fd08a33 var(--w),transparent var(--w))}
td.r.no{background:#ff7b7b22}td.r.shown{background:#e0b06022}}"""

_PLURALS = {
    "holds": "hold",
    "falls short": "fall short",
    "falls short, shown": "fall short, shown",
    "refuses": "refuse",
    "refuses, shown": "refuse, shown",
}


def html_page(report: Report) -> str:
    """The page as text; it needs nothing beside it."""
    title = html.escape(f"Parity of {report.name}" + (f", {report.label}" if report.label else ""))
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<style>{_STYLE}</style><h1>{title}</h1>{_verdict(report)}{_reasons(report)}"
        f"{overview(report)}{chain_table(report)}{sets_table(report)}{maps(report)}{details(report)}{_notes(report)}"
        "</html>\n"
    )


def _verdict(report: Report) -> str:
    if report.holds:
        worst = max(report.deciding, key=lambda row: row.ratio)
        bound = f"{worst.tolerance / worst.noise_floor:.3g}" if worst.noise_floor else "nothing"
        text = f"{claim(report)}: at most {worst.ratio:.2f} noise floors off, allowed are {bound}"
    else:
        text = f"{claim(report)}: {shortcoming(report)}"
    counted = [summary(report, one).verdict for one in report.backends if one.missing is None]
    numbers = {verdict: counted.count(verdict) for verdict in KINDS}
    words = [f"{n} {verdict if n == 1 else _PLURALS[verdict]}" for verdict, n in numbers.items() if n]
    words += [f"{len(report.missing)} missing"] if report.missing else []
    images = f"{report.samples} images" + (
        f", {report.given_samples} of them test images" if report.given_samples else ""
    )
    where = f" Durations on {html.escape(report.machine)}, one thread." if report.machine else ""
    kind = "ok" if report.holds else "no"
    return f'<p class="verdict {kind}">{html.escape(text)}</p><p>Backends: {", ".join(words)}. {images}.{where}</p>'


def _reasons(report: Report) -> str:
    """What falls short, why, and where it goes wrong."""
    reasons = [f'<li class="no">{_text(finding.subject, finding.text)}' for finding in report.findings if finding.wrong]
    for one in report.backends:
        if one.missing is None and (found := summary(report, one)).verdict != "holds":
            said = "; ".join(filter(None, (*found.said, one.place))) or "see its figures below"
            reasons.append(f'<li><b class="{KINDS[found.verdict]}">{one.name} {found.verdict}</b>: {html.escape(said)}')
    return f"<h2>What falls short, and where</h2><ul>{''.join(reasons)}</ul>" if reasons else ""


def _notes(report: Report) -> str:
    notes = [_text(one.name, one.remark) for one in report.backends if one.remark]
    notes += [
        _text(one.name, sentence)
        for one in report.backends
        if one.missing is None and (found := summary(report, one)).verdict == "holds"
        for sentence in found.said
    ]
    notes += [_text(name, f"missing, not compared: {reason}") for name, reason in report.missing.items()]
    notes += [_text(finding.subject, finding.text) for finding in report.findings]
    return f"<h2>To know</h2><ul>{''.join(f'<li>{note}' for note in notes)}</ul>"


def _text(name: str, text: str) -> str:
    return f"<b>{html.escape(name)}</b>: {html.escape(text)}"


KINDS: dict[str, str] = {
    "holds": "ok",
    "falls short": "no",
    "refuses": "no",
    "falls short, shown": "shown",
    "refuses, shown": "shown",
}
"""Classes of the page's style by verdict."""

_SETS = {
    "probes": "probes",
    "hard": "edges of float32",
    "pixels": "raw pixels",
    "doubtful": "most doubtful",
    "test": "test images",
}


def overview(report: Report) -> str:
    """A line for each backend: verdict, ratio of every output, flips, row alone and durations."""
    columns = [(graph, output) for graph, outputs in report.graphs.items() for output in outputs]
    graphs = "".join(f'<th class="g" colspan="{len(outputs)}">{graph}' for graph, outputs in report.graphs.items())
    head = "<tr><th>backend<th>verdict" + "".join(f'<th class="n">{output}' for _, output in columns)
    head += '<th class="n">flips<th class="n">row alone' + "".join(f'<th class="n">ms, {batch}' for batch in BATCHES)
    lines = [_line(file, "", verdict(report.of(file)), report.of(file), columns, None) for file in report.recorded]
    for one in report.backends:
        if one.missing is None:
            found = summary(report, one)
            lines.append(_line(one.name, one.version, found.verdict, report.of(one.name), columns, found))
    explained = (
        f"Largest error of each output, against {report.yardstick}, in units of its own rounding noise: a full "
        "bar is the bound. Flips are rows whose class changed; row alone is how far a row run alone is from the same row in a batch, in the same units. Durations "
        f"are of both graphs together, in batches of {BATCHES[0]} and {BATCHES[1]}, and in relation to {BASELINE}."
    )
    return (
        f'<h2>Every backend</h2><p>{explained}</p><div class="wide"><table><tr><td><td>{graphs}</tr>{head}</tr>'
        f"{''.join(lines)}</table></div>"
    )


def chain_table(report: Report) -> str:
    """Which graph made the error of pictures that went through both."""
    rows = [row for row in report.rows if row.shares]
    if not rows:
        return ""
    lines = []
    for row in rows:
        if row.shares:
            parts = (row.shares.before, row.shares.last)
            most = (row.shares.before_max, row.shares.last_max)
            numbers = "".join(f'<td class="n">{value:.2e}' for value in (sum(parts), *parts, *most))
            lines.append(f"<tr><td>{html.escape(row.backend)}{numbers}<td>{_split(*map(abs, parts))}</tr>")
    return (
        "<h2>Which graph made the error of the chain</h2><p>Through both graphs: image to z_mean and class_probs, and "
        "on to image. PyTorch's float64 decoder on a backend's own latents shows what its encoder alone makes of a "
        "picture; the rest is its decoder's. Shares of the largest error, at the pixel where it is largest, and the "
        'most that each graph brings into any pixel.</p><p class="key"><i></i>encoder_classifier<i></i>decoder</p>'
        '<div class="wide"><table><tr><th>backend<th class="n">largest error<th class="n">of the encoder'
        '<th class="n">of the decoder<th class="n">encoder, most<th class="n">decoder, most<th>shares</tr>'
        f"{''.join(lines)}</table></div>"
    )


def sets_table(report: Report) -> str:
    """The worst ratio of each backend by input set, and its flips there."""
    names = [name for name in _SETS if any(name in row.by_set for row in report.rows)]
    lines = []
    for one in report.backends:
        rows = report.of(one.name)
        if any(row.by_set for row in rows):
            cells = [_set_cell(rows, name, shown=not one.counts) for name in names]
            asked = f'<td class="n">{one.given_samples}' if report.given_samples else ""
            lines.append(f"<tr><td>{html.escape(one.name)}{''.join(cells)}{asked}</tr>")
    if not lines:
        return ""
    head = "".join(f'<th class="n">{_SETS[name]}' for name in names)
    head += '<th class="n">test images asked' * bool(report.given_samples)
    return (
        "<h2>By inputs</h2><p>Worst ratio of any output on each set of inputs, and how many images changed class "
        "there. The most doubtful images are those whose two likeliest classes are closest in PyTorch's float64; they "
        "are asked in one batch and each alone. An error on raw pixels only is a fault of preprocessing.</p>"
        f'<div class="wide"><table><tr><th>backend{head}</tr>'
        f"{''.join(lines)}</table></div>"
    )


def _line(
    name: str,
    version: str,
    verdict: str,
    rows: Sequence[Row],
    columns: Sequence[tuple[str, str]],
    found: Summary | None,
) -> str:
    kind = KINDS[verdict]
    by_column = {(row.graph, row.output): row for row in rows}
    cells = "".join(_ratio_cell(by_column.get(column), kind) for column in columns)
    if verdict.startswith("refuses"):
        cells += '<td class="n none">-' * 2
    else:
        flips = sum(row.flips or 0 for row in rows)
        alone = max(error_ratio(row.alone, row.noise_floor) for row in rows)
        cells += f'<td class="n{f" {kind}" * bool(flips)}">{flips}<td class="n">{alone:.2f}'
    for batch in BATCHES:
        latency = found.latencies.get(batch) if found else None
        relative = f"<small>x{latency.relative:.2g}</small>" if latency and latency.relative else ""
        cells += f'<td class="n">{latency.milliseconds:.3g}{relative}' if latency else '<td class="n none">-'
    small = f"<small>{html.escape(version)}</small>" if version else ""
    return f'<tr><td>{html.escape(name)}{small}<td class="{kind}">{verdict}{cells}</tr>'


def _ratio_cell(row: Row | None, kind: str) -> str:
    if row is None or not (row.rows or row.failed):
        return '<td class="n none">-'
    if not row.rows:
        return f'<td class="n r {kind}" title="{html.escape(row.failed)}">no answer'
    ratio = error_ratio(row.figures.max_abs, row.noise_floor)
    if not row.holds:
        return f'<td class="n r {kind}">{_short(ratio)}'
    return f'<td class="n r" style="--w:{_share(row.figures.max_abs, row):.0%}">{_short(ratio)}'


def _set_cell(rows: Sequence[Row], name: str, *, shown: bool) -> str:
    asked = [row for row in rows if name in row.by_set]
    if not asked:
        return '<td class="n none">-'
    ratio = max(error_ratio(row.by_set[name], row.noise_floor) for row in asked)
    flips = sum(row.flips_by_set.get(name, 0) for row in asked)
    holds = not flips and all(row.by_set[name] <= row.tolerance for row in asked)
    text = _short(ratio) + (f"<small>{flips} flips</small>" if flips else "")
    if holds:
        return f'<td class="n r" style="--w:{max(_share(row.by_set[name], row) for row in asked):.0%}">{text}'
    return f'<td class="n r {"shown" if shown else "no"}">{text}'


def _share(error: float, row: Row) -> float:
    return min(error / row.tolerance, 1) if row.tolerance else 0.0


def _split(encoder: float, decoder: float) -> str:
    whole = encoder + decoder
    share = 1.0 if encoder == float("inf") else encoder / whole if whole else 0.0
    return f'<span class="split"><i style="width:{share:.0%}"></i><i style="width:{1 - share:.0%}"></i></span>'


def _short(ratio: float) -> str:
    return f"{ratio:.2f}" if ratio < 100 else f"{ratio:.2g}"


def maps(report: Report) -> str:
    """For every output that is an image, the largest difference of each pixel as a picture; the worst first."""
    rows = sorted((row for row in report.rows if row.heat), key=lambda row: -row.ratio)
    if not rows:
        return ""
    return (
        "<h2>Where drawn images differ</h2><p>Largest difference of each pixel, the worst backend first; black is "
        f"none, white is the bound or more.</p>{''.join(_figure(row) for row in rows)}"
    )


def details(report: Report) -> str:
    """Every figure of every output, folded away."""
    head = (
        '<tr><th>backend<th>graph<th>output<th class="n">ratio<th class="n">largest error<th class="n">relative'
        '<th class="n">median<th class="n">99.9 %<th>float32 steps<th class="n">PSNR, dB<th class="n">flips<th>verdict'
        "</tr>"
    )
    backends = {one.name: one for one in report.backends}
    lines = "".join(_figures_line(row, backends.get(row.backend)) for row in report.rows)
    return (
        "<h2>All figures</h2><details><summary>Every output of every backend</summary><p>Largest, relative, median and "
        "99.9 % errors are against PyTorch float64. Bars show how many float32 steps answers are from the exact ones: "
        "none, 1, 2-3, 4-7, 8-15, 16-63, 64-255, more.</p>"
        f'<div class="wide"><table>{head}{lines}</table></div></details>'
    )


def _figure(row: Row) -> str:
    values = np.clip(np.array(row.heat) * row.noise_floor / row.tolerance, 0, 1)
    buffer = io.BytesIO()
    Image.fromarray((values * 255).astype(np.uint8)).save(buffer, "PNG")
    source = base64.b64encode(buffer.getvalue()).decode()
    label = html.escape(f"{row.backend}, {row.graph}: {row.ratio:.2f}")
    return f'<figure><img alt="{label}" src="data:image/png;base64,{source}"><figcaption>{label}</figcaption></figure>'


def _figures_line(row: Row, one: BackendReport | None) -> str:
    figures = row.figures
    numbers = (
        f"{row.ratio:.2f}",
        f"{figures.max_abs:.2e}",
        f"{figures.max_relative:.2e}",
        f"{figures.median:.2e}",
        f"{figures.percentile_999:.2e}",
    )
    shown = one is not None and not one.counts
    word = verdict_text(verdict([row]), counts=not shown)
    kind = KINDS[word]
    tip = "" if row.holds else f' title="{html.escape(row_sentence(row))}"'
    return (
        f"<tr><td>{html.escape(row.backend)}<td>{row.graph}<td>{row.output}"
        + "".join(f'<td class="n">{number}' for number in numbers)
        + f'<td>{_bars(figures.ulps)}<td class="n">{figures.psnr:.1f}'
        + f'<td class="n">{"" if row.flips is None else row.flips}<td class="{kind}"{tip}>{word}</tr>'
    )


def _bars(counts: tuple[int, ...]) -> str:
    most = max(*counts, 1)
    heights = [100 * count / most for count in counts]
    bars = [f'<i style="height:{height:.0f}%" title="{n}"></i>' for height, n in zip(heights, counts, strict=True)]
    return f'<span class="steps">{"".join(bars)}</span>'
