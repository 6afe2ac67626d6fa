"""The report as one self-contained HTML page: the verdict, what falls short and why, then the figures."""

import html

from vaeport.contract import FP32

from ..report import ParityReport
from ..sentences import claim, shortcoming
from ..summary import summary
from .page_figures import details, maps
from .page_tables import KINDS, chain_table, overview, sets_table

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


def html_page(report: ParityReport) -> str:
    """The page as text; it needs nothing beside it."""
    title = html.escape(f"Parity of {report.bundle}" + ("" if report.precision == FP32 else f", {report.precision}"))
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<style>{_STYLE}</style><h1>{title}</h1>{_verdict(report)}{_reasons(report)}"
        f"{overview(report)}{chain_table(report)}{sets_table(report)}{maps(report)}{details(report)}{_notes(report)}"
        "</html>\n"
    )


def _verdict(report: ParityReport) -> str:
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
    images = f"{report.images} images" + (f", {report.test_images} of them test images" if report.test_images else "")
    where = f" Durations on {html.escape(report.machine)}, one thread." if report.machine else ""
    kind = "ok" if report.holds else "no"
    return f'<p class="verdict {kind}">{html.escape(text)}</p><p>Backends: {", ".join(words)}. {images}.{where}</p>'


def _reasons(report: ParityReport) -> str:
    """What falls short, why, and where it goes wrong."""
    reasons = [f'<li class="no">{_text(finding.subject, finding.text)}' for finding in report.findings if finding.wrong]
    for one in report.backends:
        if one.missing is None and (found := summary(report, one)).verdict != "holds":
            said = "; ".join(filter(None, (*found.said, one.place))) or "see its figures below"
            reasons.append(f'<li><b class="{KINDS[found.verdict]}">{one.name} {found.verdict}</b>: {html.escape(said)}')
    return f"<h2>What falls short, and where</h2><ul>{''.join(reasons)}</ul>" if reasons else ""


def _notes(report: ParityReport) -> str:
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
