"""What rows and reports say, in sentences."""

from collections.abc import Sequence

from vaeport.contract import FP32

from .report import ParityReport, ParityRow


def row_sentence(row: ParityRow) -> str:
    """What a row says, in a sentence."""
    if row.failed:
        return f"gave no answer: {row.failed}"
    text = f"{row.figures.max_abs:.3g} off, {row.ratio:.2f} noise floors, allowed {row.tolerance:.3g}"
    if row.shares:
        text += f"; {row.shares}"
    if row.class_flips:
        text += f"; {row.class_flips} classes flipped"
    if row.alone > row.tolerance:
        text += f"; a row alone differs by {row.alone:.3g} from the same row in a batch"
    return text if row.repeatable else f"{text}; the same inputs twice gave different answers"


def claim(report: ParityReport) -> str:
    """Whether it answers as it should: as PyTorch does, or below float32 as the graph itself did when it was made."""
    whole = report.precision == FP32
    name = report.bundle if whole else f"{report.bundle} in {report.precision}"
    words = "answers" if report.holds else "does NOT answer"
    return f"{name} {words} as {'PyTorch does' if whole else 'it did when it was made'}"


def shortcoming(report: ParityReport) -> str:
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
            f", and {worst.class_flips} classes changed" if worst.class_flips else "",
            f"; {worst.shares}" if worst.shares else "",
        ]
    )


def listed(names: Sequence[str]) -> str:
    """Names with commas and a last `and`."""
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]
