"""Tables of the HTML page: every backend in a line, the chain's error by graph, errors by input set."""

import html
from collections.abc import Sequence

from vaeport.comparison import error_ratio
from vaeport.contract import FP32, GOLDEN_FILE

from ..measurement import OUTPUTS
from ..report import ParityReport, ParityRow
from ..summary import BASELINE, BATCHES, Summary, Verdict, summary

KINDS: dict[Verdict, str] = {
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


def overview(report: ParityReport) -> str:
    """A line for each backend: verdict, ratio of every output, flips, row alone and durations."""
    columns = [(graph, output) for graph, outputs in OUTPUTS.items() for output in outputs]
    graphs = "".join(f'<th class="g" colspan="{len(outputs)}">{graph}' for graph, outputs in OUTPUTS.items())
    head = "<tr><th>backend<th>verdict" + "".join(f'<th class="n">{output}' for _, output in columns)
    head += '<th class="n">flips<th class="n">row alone' + "".join(f'<th class="n">ms, {batch}' for batch in BATCHES)
    golden = report.of(GOLDEN_FILE)
    lines = [_line(GOLDEN_FILE, "", _golden_verdict(report), golden, columns, None)] if golden else []
    for one in report.backends:
        if one.missing is None:
            found = summary(report, one)
            lines.append(_line(one.name, one.version, found.verdict, report.of(one.name), columns, found))
    yardstick = (
        "PyTorch in float32 and in float64, in units of PyTorch's own rounding noise"
        if report.precision == FP32
        else "the graph itself as onnxruntime runs it without rewriting, in units of what faithful runs of it differ by"
    )
    explained = (
        f"Largest error of each output, against {yardstick}: a full bar is the bound. Flips are images whose class "
        "changed; row alone is how far a row run alone is from the same row in a batch, in the same units. Durations "
        f"are of both graphs together, in batches of {BATCHES[0]} and {BATCHES[1]}, and in relation to {BASELINE}."
    )
    return (
        f'<h2>Every backend</h2><p>{explained}</p><div class="wide"><table><tr><td><td>{graphs}</tr>{head}</tr>'
        f"{''.join(lines)}</table></div>"
    )


def chain_table(report: ParityReport) -> str:
    """Which graph made the error of pictures that went through both."""
    rows = [row for row in report.rows if row.shares]
    if not rows:
        return ""
    lines = []
    for row in rows:
        if row.shares:
            parts = (row.shares.encoder, row.shares.decoder)
            most = (row.shares.encoder_max, row.shares.decoder_max)
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


def sets_table(report: ParityReport) -> str:
    """The worst ratio of each backend by input set, and its flips there."""
    names = [name for name in _SETS if any(name in row.by_set for row in report.rows)]
    lines = []
    for one in report.backends:
        rows = report.of(one.name)
        if any(row.by_set for row in rows):
            cells = [_set_cell(rows, name, shown=not one.counts) for name in names]
            asked = f'<td class="n">{one.test_images}' if report.test_images else ""
            lines.append(f"<tr><td>{html.escape(one.name)}{''.join(cells)}{asked}</tr>")
    if not lines:
        return ""
    head = "".join(f'<th class="n">{_SETS[name]}' for name in names)
    head += '<th class="n">test images asked' * bool(report.test_images)
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
    verdict: Verdict,
    rows: Sequence[ParityRow],
    columns: Sequence[tuple[str, str]],
    found: Summary | None,
) -> str:
    kind = KINDS[verdict]
    by_column = {(row.graph, row.output): row for row in rows}
    cells = "".join(_ratio_cell(by_column.get(column), kind) for column in columns)
    if verdict.startswith("refuses"):
        cells += '<td class="n none">-' * 2
    else:
        flips = sum(row.class_flips or 0 for row in rows)
        alone = max(error_ratio(row.alone, row.noise_floor) for row in rows)
        cells += f'<td class="n{f" {kind}" * bool(flips)}">{flips}<td class="n">{alone:.2f}'
    for batch in BATCHES:
        latency = found.latencies.get(batch) if found else None
        relative = f"<small>x{latency.relative:.2g}</small>" if latency and latency.relative else ""
        cells += f'<td class="n">{latency.milliseconds:.3g}{relative}' if latency else '<td class="n none">-'
    small = f"<small>{html.escape(version)}</small>" if version else ""
    return f'<tr><td>{html.escape(name)}{small}<td class="{kind}">{verdict}{cells}</tr>'


def _ratio_cell(row: ParityRow | None, kind: str) -> str:
    if row is None or not (row.rows or row.failed):
        return '<td class="n none">-'
    if not row.rows:
        return f'<td class="n r {kind}" title="{html.escape(row.failed)}">no answer'
    ratio = error_ratio(row.figures.max_abs, row.noise_floor)
    if not row.holds:
        return f'<td class="n r {kind}">{_short(ratio)}'
    return f'<td class="n r" style="--w:{_share(row.figures.max_abs, row):.0%}">{_short(ratio)}'


def _set_cell(rows: Sequence[ParityRow], name: str, *, shown: bool) -> str:
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


def _share(error: float, row: ParityRow) -> float:
    return min(error / row.tolerance, 1) if row.tolerance else 0.0


def _split(encoder: float, decoder: float) -> str:
    whole = encoder + decoder
    share = 1.0 if encoder == float("inf") else encoder / whole if whole else 0.0
    return f'<span class="split"><i style="width:{share:.0%}"></i><i style="width:{1 - share:.0%}"></i></span>'


def _golden_verdict(report: ParityReport) -> Verdict:
    return "holds" if all(row.holds for row in report.of(GOLDEN_FILE)) else "falls short"


def _short(ratio: float) -> str:
    return f"{ratio:.2f}" if ratio < 100 else f"{ratio:.2g}"
