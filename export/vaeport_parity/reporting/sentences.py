"""What rows and reports say, in sentences."""

from collections.abc import Sequence

from .report import Report, Row


def row_sentence(row: Row) -> str:
    """What a row says, in a sentence."""
    if row.failed:
        return f"gave no answer: {row.failed}"
    text = f"{row.figures.max_abs:.3g} off, {row.ratio:.2f} noise floors, allowed {row.tolerance:.3g}"
    if row.shares:
        text += f"; {row.shares}"
    if row.exact:
        text = f"{row.mismatches} entries differ, by up to {row.figures.max_abs:.3g}"
    if row.flips:
        text += f"; {row.flips} classes flipped"
    if row.alone > row.tolerance:
        text += f"; a row alone differs by {row.alone:.3g} from the same row in a batch"
    return text if row.repeatable else f"{text}; the same inputs twice gave different answers"


def claim(report: Report) -> str:
    """Whether it answers as its reference does."""
    name = f"{report.name} in {report.label}" if report.label else report.name
    return f"{name} {'answers' if report.holds else 'does NOT answer'} as {report.yardstick} does"


def verdict_sentence(report: Report) -> str:
    """The verdict with its reasons: one sentence, then a line for each backend that falls short."""
    if report.holds:
        worst = max(report.deciding, key=lambda row: row.ratio)
        return f"{claim(report)}: at most {worst.ratio:.2f} noise floors off ({worst.backend}, {worst.output})"
    lines = [f"{claim(report)}: {shortcoming(report)}"]
    places = {backend.name: backend.place for backend in report.backends}
    for row in report.deciding:
        if not row.holds:
            place = places.get(row.backend)
            where = f"; first wrong at {place}" if place else ""
            lines.append(f"{row.backend}, {row.graph}/{row.output}: {row_sentence(row)}{where}")
    return "\n  ".join(lines)


def shortcoming(report: Report) -> str:
    """The first thing that a report that does not hold should be read for, in a sentence."""
    if wrong := [finding for finding in report.findings if finding.wrong]:
        return f"{wrong[0].subject}: {wrong[0].text}"
    failing = [row for row in report.deciding if not row.holds]
    if not failing:
        return "no backend could be compared"
    worst = max(failing, key=lambda row: row.ratio)
    where = f"{worst.backend} in {worst.graph}/{worst.output}"
    if worst.failed:
        return f"{where} gave no answer ({worst.failed})"
    if not worst.repeatable:
        return f"{where} answers otherwise the second time"
    if worst.figures.max_abs <= worst.tolerance and worst.alone > worst.tolerance:
        return f"{where} answers a row alone otherwise than in a batch, by {worst.alone:.2g}"
    return (
        f"{where} is {worst.ratio:.1f} noise floors off, allowed are {worst.tolerance / worst.noise_floor:.1f}"
        if worst.noise_floor
        else f"{where} is off by {worst.figures.max_abs:.2g}, allowed is nothing"
    ) + "".join(
        [
            f", and {worst.flips} classes changed" if worst.flips else "",
            f"; {worst.shares}" if worst.shares else "",
        ]
    )


def listed(names: Sequence[str]) -> str:
    """Names with commas and a last `and`."""
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]
