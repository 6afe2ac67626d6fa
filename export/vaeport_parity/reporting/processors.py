"""Reports by processor: kept in small files, one for each instruction set, and merged so that the worst decides."""

import json
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from vaeport.common.fileio import write_text
from vaeport.errors import InputError

from ..judging.report import ReportData
from ..judging.summary import summary
from ..running.execution import NOT_TRIED
from ..running.process import PAST_TIME_LIMIT

_HOLDS = "holds"


@dataclass(frozen=True)
class KeptLine:
    """One backend on one subject."""

    subject: str
    """Name of the subject."""
    precision: str
    """`fp32`, `fp16`, ..."""
    backend: str
    """Name of the backend, without an instruction set that it was limited to."""
    version: str
    """Version of its software."""
    counts: bool
    """Whether it decides."""
    verdict: str
    """`holds`, `falls short` or `refuses`, without what follows for shown ones."""
    ratio: float | None
    """Largest error of all that was answered, in noise floors; None where nothing was, or it is no number."""
    at: str
    """Graph and output of that error."""
    rows: int
    """Rows that each graph was compared on, at most."""
    how: str = ""
    """How it was limited to the processor: the library's switch or the emulator; empty where it runs on it."""


@dataclass(frozen=True)
class Kept:
    """What was found on one processor."""

    processor: str
    """The processor in words, as `str(processor())` says it, or the instruction set that was asked for."""
    level: str
    """Instruction set, such as `x86-64-v4`; processors of the same one are columns of their own."""
    lines: tuple[KeptLine, ...]
    """One a subject, precision and backend."""


@dataclass(frozen=True)
class Merged:
    """One backend on one subject over all processors."""

    subject: str
    """Name of the subject."""
    precision: str
    """`fp32`, `fp16`, ..."""
    backend: str
    """Name of the backend."""
    counts: bool
    """Whether it decides, on every processor that it was compared on."""
    lines: dict[str, KeptLine]
    """What was found, by level or, where two have the same one, by processor."""

    @property
    def holds(self) -> bool:
        """Whether it holds on every processor that was tried."""
        return all(line.verdict == _HOLDS for line in self.lines.values())

    @property
    def worst(self) -> tuple[str, KeptLine]:
        """The processor with the worst line: first what does not hold, then the largest ratio."""
        return max(self.lines.items(), key=lambda item: (item[1].verdict != _HOLDS, _size(item[1].ratio)))


def lines_of(report: ReportData) -> list[KeptLine]:
    """The lines of a report, without backends that are missing, or that an emulator had no time for.

    Args:
        report: of one subject and precision.
    """
    lines = []
    for one in report.backends:
        rows = report.of(one.name)
        limited = "@" in one.name
        if one.missing is not None or not rows or (limited and any(_ran_out(row.failed) for row in rows)):
            continue
        found = summary(report, one)
        ratio = found.ratio if math.isfinite(found.ratio) and found.verdict.partition(",")[0] != "refuses" else None
        name, _, level = one.name.partition("@")
        lines.append(
            KeptLine(
                report.name,
                report.label or "fp32",
                name,
                one.version,
                one.counts,
                found.verdict.partition(",")[0],
                None if ratio is None else round(ratio, 4),
                found.at,
                max(row.rows for row in rows),
                one.remark.rpartition("; ")[2] if level else "",
            )
        )
    return lines


def keep(found: Kept, folder: Path) -> Path:
    """Write what was found on a processor into its file; lines of other subjects and backends there stay.

    Args:
        found: the processor, with new lines.
        folder: of the files.

    Returns:
        The file.

    Raises:
        InputError: the file that is there cannot be read.
        OutputError: it cannot be written.
    """
    file = folder / f"{_slug(found.processor)}.json"
    lines = {_key(line): line for line in (*(read_kept(file).lines if file.is_file() else ()), *found.lines)}
    content = {"processor": found.processor, "level": found.level, "lines": [asdict(line) for line in lines.values()]}
    folder.mkdir(parents=True, exist_ok=True)
    write_text(file, json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
    return file


def read_kept(file: Path) -> Kept:
    """What was kept in a file.

    Raises:
        InputError: it cannot be read, or is no such file.
    """
    try:
        return TypeAdapter(Kept).validate_json(file.read_bytes())
    except OSError as error:
        raise InputError(f"cannot read {file}: {error.strerror or error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise InputError(
            f"{file} is no report by processor, {where}: {first['msg']}; remove it, or make it anew"
        ) from error


def merge(kept: Sequence[Kept]) -> list[Merged]:
    """All lines by subject, precision and backend, in the order in which they first come.

    Args:
        kept: what was found, one a processor; each has a column of its own.
    """
    merged: dict[tuple[str, str, str], dict[str, KeptLine]] = {}
    for column, each in columns(kept).items():
        for line in each.lines:
            merged.setdefault(_key(line), {})[column] = line
    return [
        Merged(*key, counts=all(line.counts for line in lines.values()), lines=lines) for key, lines in merged.items()
    ]


def columns(kept: Sequence[Kept]) -> dict[str, Kept]:
    """Short names of processors: the instruction set, with the processor where another has the same."""
    levels = [each.level for each in kept]
    return {
        each.level if levels.count(each.level) == 1 else f"{each.level}, {each.processor.partition(',')[0]}": each
        for each in kept
    }


def processors_markdown(kept: Sequence[Kept]) -> str:
    """Tables of all backends by processor, one for each subject and precision.

    Args:
        kept: what was found, one a processor.
    """
    kept = sorted(kept, key=lambda each: each.level, reverse=True)
    merged, names = [each for each in merge(kept) if len(each.lines) > 1], columns(kept)
    return "\n".join(
        [
            "## By processor",
            "",
            "Libraries pick their kernels by the processor's instruction set, and kernels round differently. Ratios",
            "are as below, in noise floors; a backend holds only if it holds on every processor that was tried. Those",
            "that are no real processor are this machine's, limited by a library's own switch, or emulated by qemu,",
            "where backends are compared on fewer rows. Another version stands in brackets. On a processor that is",
            "not among them, `vaeport verify` compares what is deployed there. What ran on one alone stands below.",
            "",
            *(f"- {name}: {_said(each)}." for name, each in names.items()),
            "",
            *(
                line
                for subject, precision in dict.fromkeys((each.subject, each.precision) for each in merged)
                for line in _table(subject, precision, merged, list(names))
            ),
        ]
    )


def failures(merged: Iterable[Merged]) -> list[str]:
    """A sentence for each backend that counts and does not hold on some processor."""
    return [
        f"{each.backend} does not hold for {each.subject}, {each.precision}, on {each.worst[0]}: {_cell(each.worst[1])}"
        for each in merged
        if each.counts and not each.holds
    ]


def _table(subject: str, precision: str, merged: list[Merged], names: list[str]) -> list[str]:
    rows = [each for each in merged if (each.subject, each.precision) == (subject, precision)]
    used = [name for name in names if any(name in each.lines for each in rows)]
    return [
        f"### {subject}, {precision}",
        "",
        f"| backend | {' | '.join(used)} | worst | at | verdict |",
        f"|---{'|---' * len(used)}|---|---|---|",
        *(_line(each, used) for each in rows),
        "",
    ]


def _line(merged: Merged, used: list[str]) -> str:
    where, worst = merged.worst
    version = next(iter(merged.lines.values())).version
    cells = [_cell(merged.lines[name], beside=version) if name in merged.lines else "" for name in used]
    verdict = _HOLDS if merged.holds else f"{worst.verdict} on {where}{'' if merged.counts else ', shown'}"
    bold = "**" if merged.counts and not merged.holds else ""
    return f"| {' | '.join([merged.backend, *cells, _cell(worst), worst.at, f'{bold}{verdict}{bold}'])} |"


def _cell(line: KeptLine, *, beside: str = "") -> str:
    """The ratio, with the version where it is another than that of the first column."""
    text = line.verdict if line.ratio is None else f"{line.ratio:.2f}" if line.ratio < 100 else f"{line.ratio:.3g}"
    return f"{text} ({line.version})" if beside and line.version != beside else text


def _said(kept: Kept) -> str:
    hows: dict[str, list[str]] = {}
    for line in kept.lines:
        if line.how and line.backend not in hows.setdefault(line.how, []):
            hows[line.how].append(line.backend)
    named = f"{kept.level} ("
    whole = kept.processor.removeprefix(named).removesuffix(")") if kept.processor.startswith(named) else kept.processor
    return "; ".join([whole, *(f"{', '.join(names)}: {how}" for how, names in hows.items())])


def _ran_out(said: str) -> bool:
    return PAST_TIME_LIMIT in said or NOT_TRIED in said


def _key(line: KeptLine) -> tuple[str, str, str]:
    return line.subject, line.precision, line.backend


def _size(ratio: float | None) -> float:
    return math.inf if ratio is None else ratio


def _slug(text: str) -> str:
    """A file name for a processor: its name and level, without the features in brackets."""
    return re.sub(r"[^a-z0-9.]+", "-", re.sub(r"\(.*?\)", "", text).lower()).strip("-")
