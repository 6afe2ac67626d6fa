"""What rows and reports say, in sentences."""

from collections.abc import Iterable, Sequence

from vaeport.checks.comparison import error_ratio

from ..judging.report import BackendReport, ReportData, Row, backend_verdict

_MOST_NAMED = 3


def row_sentence(row: Row) -> str:
    """What a row says, in a sentence."""
    if row.failed:
        return f"gave no answer: {row.failed}"
    if row.exact:
        text = f"{counted(row.mismatches, 'entry', 'entries')} differ, by up to {row.figures.max_abs:.3g}"
    else:
        text = f"{row.figures.max_abs:.3g} off, {short_number(row.ratio)} noise floors, allowed {row.tolerance:.3g}"
    if row.shares:
        text += f"; {row.shares}"
    if row.flips:
        text += f"; {counted(row.flips, 'class', 'classes')} flipped"
    if row.alone > row.tolerance:
        text += f"; a row alone differs by {row.alone:.3g} from the same row in a batch"
    return text if row.repeatable else f"{text}; the same inputs twice gave different answers"


def ratio_text(row: Row) -> str:
    """How far a row is off, in a table's cell: its ratio, or how many entries differ; `-` where there is no answer."""
    if not row.rows:
        return "-"
    if row.exact:
        return f"{row.mismatches} differ" if row.mismatches else "equal"
    return short_number(error_ratio(row.figures.max_abs, row.noise_floor))


def short_number(value: float) -> str:
    """A ratio in a few letters."""
    return f"{value:.2f}" if value < 100 else f"{value:.2g}"


def claim(report: ReportData) -> str:
    """Whether it answers as its reference does."""
    name = f"{report.name} in {report.label}" if report.label else report.name
    several = report.yardstick.endswith("files") or " and " in report.yardstick
    verb = "do" if several else "does"
    return f"{name} {'answers' if report.holds else 'does NOT answer'} as {report.yardstick} {verb}"


def margin(report: ReportData) -> str:
    """For a report that holds: how far the worst deciding answer is off, and what is allowed."""
    worst = worst_row(report.deciding)
    if worst.exact:
        return "all entries are equal"
    allowed = (
        f"{short_number(worst.tolerance / worst.noise_floor)} are allowed" if worst.noise_floor else "none is allowed"
    )
    return f"at most {worst.ratio:.2f} noise floors off ({worst.backend}, {where(report, worst)}), {allowed}"


def verdict_line(reports: Sequence[ReportData]) -> str:
    """The verdict over the reports of a subject, in one sentence: what falls short, how much of it, and the worst.

    Args:
        reports: one, or one for each precision.
    """
    first, short = reports[0], [report for report in reports if not report.holds]
    if len(reports) == 1:
        head = f"{'FALLS SHORT' if short else 'HOLDS'}: {claim(first)}"
        return f"{head}: {margin(first)}" if not short else f"{head}: {_extent(first)}{shortcoming(first)}"
    if not short:
        worst = max(reports, key=lambda report: worst_row(report.deciding).ratio)
        names = listed([report.precision for report in reports])
        return f"HOLDS: {first.name} answers right in {names}; {worst.precision}: {margin(worst)}"
    held = [report.precision for report in reports if report.holds]
    told = "; ".join(f"{report.precision}: {_extent(report)}{shortcoming(report)}" for report in short)
    holding = f" ({listed(held)} hold{'s' * (len(held) == 1)})" if held else ""
    return f"FALLS SHORT: {first.name} in {listed([report.precision for report in short])}{holding}. {told}"


def _extent(report: ReportData) -> str:
    """How many backends and findings make a report fall short, before the worst of them; nothing if it is but one."""
    judged = [one for one in report.backends if one.counts and one.missing is None]
    short = sum(backend_verdict(report, one) != "holds" for one in judged)
    wrong = sum(finding.wrong for finding in report.findings)
    parts = [
        f"{short} of {counted(len(judged), 'backend')}" if short else "",
        counted(wrong, "finding") if wrong else "",
    ]
    return f"{' and '.join(filter(None, parts))}, at worst " if short + wrong > 1 else ""


def verdict_sentence(report: ReportData) -> str:
    """The verdict with its reasons: one sentence, then a line for each backend that falls short, and its place once."""
    if report.holds:
        held = [backend.name for backend in report.backends if backend.missing is None and backend.counts]
        return f"{claim(report)} on {listed(held)}: {margin(report)}"
    lines = [f"{claim(report)}: {shortcoming(report)}"]
    for backend in report.backends:
        failing = [row for row in report.of(backend.name) if not row.holds]
        if backend.counts and failing:
            worst = worst_row(failing)
            lines.append(f"{backend.name}, {where(report, worst)}: {row_sentence(worst)}")
    lines += [f"first wrong on {listed(_few(names))}: {text}" for text, names in places(report)]
    lines += [f"{finding.subject}: {finding.text}" for finding in report.findings if finding.wrong]
    return "\n  ".join(dict.fromkeys(lines))


def shortcoming(report: ReportData) -> str:
    """The first thing that a report that does not hold should be read for, in a sentence."""
    if wrong := [finding for finding in report.findings if finding.wrong]:
        return f"{wrong[0].subject}: {wrong[0].text}"
    failing = [row for row in report.deciding if not row.holds]
    if not failing:
        return "no backend could be compared"
    worst = worst_row(failing)
    place = f"{worst.backend} in {where(report, worst)}"
    if worst.failed:
        return f"{place} gave no answer ({worst.failed})"
    if not worst.repeatable:
        return f"{place} answers differently the second time"
    if worst.exact:
        return f"{place} differs in {counted(worst.mismatches, 'entry', 'entries')}, which must be equal"
    if worst.figures.max_abs <= worst.tolerance and worst.alone > worst.tolerance:
        return f"{place} answers a row alone differently from the same row in a batch, by {worst.alone:.2g}"
    text = f"{place} is off by {worst.figures.max_abs:.2g}, allowed is nothing"
    if worst.noise_floor:
        allowed = short_number(worst.tolerance / worst.noise_floor)
        text = f"{place} is {short_number(worst.ratio)} noise floors off, {allowed} are allowed"
    flips = f", and {counted(worst.flips, 'class', 'classes')} flipped" if worst.flips else ""
    return f"{text}{flips}" + (f"; {worst.shares}" if worst.shares else "")


def places(*reports: ReportData) -> list[tuple[str, list[str]]]:
    """Where answers first go wrong, each place once, with the backends whose answers go wrong there.

    Args:
        reports: of one subject; where there are several, each backend's precision stands before its name.
    """
    grouped: dict[str, list[str]] = {}
    for report in reports:
        for backend in report.backends:
            if backend.place:
                label = f"{report.precision} " if len(reports) > 1 else ""
                grouped.setdefault(backend.place, []).append(f"{label}{backend.name}")
    return list(grouped.items())


def where(report: ReportData, row: Row) -> str:
    """Output of a row, with its graph where there are several."""
    return f"{row.graph}/{row.output}" if len(report.graphs) > 1 else row.output


def worst_row(rows: Sequence[Row]) -> Row:
    """The row that says most: one that does not hold, of those one with an answer, and of those the furthest off."""

    def key(row: Row) -> tuple[bool, bool, bool, float]:
        return not row.holds, row.rows > 0, row.mismatches > 0, error_ratio(row.figures.max_abs, row.noise_floor)

    return max(rows, key=key)


def backends_said(report: ReportData) -> str:
    """How many backends hold, fall short, refuse and are missing."""
    words = {"holds": "hold", "falls short": "fall short", "refuses": "refuse", "missing": "missing"}
    kinds = [(backend_verdict(report, backend), backend.counts) for backend in report.backends]
    said = []
    for verdict, plural in words.items():
        for counts in (True, False):
            number = sum(kind == (verdict, counts) for kind in kinds)
            if verdict in ("holds", "missing"):
                number = sum(kind[0] == verdict for kind in kinds) if counts else 0
            if number:
                shown = "" if counts or verdict in ("holds", "missing") else ", shown only"
                said.append(f"{number} {verdict if number == 1 else plural}{shown}")
    return "; ".join(said) or "none"


def rows_said(report: ReportData) -> str:
    """How many rows were compared, and how many of them are the user's own."""
    given = f", {report.given_samples} of them given" if report.given_samples else ""
    return f"{counted(report.samples, 'row')}{given}"


def missing_groups(report: ReportData) -> list[tuple[str, list[BackendReport]]]:
    """Missing backends by reason; those that can be installed come last, under one reason."""
    grouped: dict[str, list[BackendReport]] = {}
    for backend in report.backends:
        if backend.missing is not None:
            reason = "not installed" if is_installable(backend) else backend.missing
            grouped.setdefault(reason, []).append(backend)
    return sorted(grouped.items(), key=lambda group: group[0] == "not installed")


def is_installable(backend: BackendReport) -> bool:
    """Whether a missing backend only waits for `--install`."""
    return backend.missing is not None and "--install" in backend.missing


def counted(number: int, word: str, plural: str = "") -> str:
    """A number with its word: `1 row`, `2 rows`."""
    return f"{number} {word if number == 1 else plural or word + 's'}"


def listed(names: Sequence[str]) -> str:
    """Names with commas and a last `and`."""
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]


def printable(text: str) -> str:
    """Text on one line without control characters, which names from strangers may hold."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _few(names: Iterable[str]) -> list[str]:
    given = list(names)
    return given if len(given) <= _MOST_NAMED + 1 else [*given[:_MOST_NAMED], f"{len(given) - _MOST_NAMED} more"]
