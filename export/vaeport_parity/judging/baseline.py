"""Compare a run with an earlier one: an error may hold and still have grown, which an update of a runtime does."""

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vaeport.contract import FP32
from vaeport.errors import InputError

from .report import PARITY_FILE, Finding, ReportData

MAX_GROWTH = 2.0
"""How many times as large as in the baseline a ratio may be, unless another factor is given. docs/parity-in-ci.md has
the measurements behind it."""

LEAST_RATIO = 1.0
"""Ratios below this are counted as this: under one noise floor growth says nothing."""

_MOST_BYTES = 2**26
_LEVEL = re.compile(r"x86-64-v\d|armv[\d.]+-a", re.IGNORECASE)
_Key = tuple[str, str, str]


@dataclass(frozen=True)
class _OldRow:
    ratio: float
    holds: bool


@dataclass(frozen=True)
class _Old:
    """What is needed of an earlier report."""

    name: str
    label: str
    processor: str
    versions: Mapping[str, str]
    rows: Mapping[_Key, _OldRow]


def compare_with_baseline(reports: Sequence[ReportData], old: Path, factor: float = MAX_GROWTH) -> list[list[Finding]]:
    """Ratios that have grown by more than a factor since an earlier run, although they still hold.

    Like is compared with like: subject, precision, backend, graph and output. A growth on a processor with other
    instruction sets than the baseline's is told and does not fail: other kernels round otherwise.

    Args:
        reports: what was found now.
        old: a `parity.json`, what `--json` printed, or a folder with reports (`parity.json`, `PRECISION/parity.json`).
        factor: how many times as large a ratio may be, above 1.

    Returns:
        For each report wrong findings for what has grown, and for information what of the baseline gave no answer now.

    Raises:
        InputError: there is no report, it cannot be read, or nothing in it is about the same subject.
    """
    earlier = _checked(old, factor)
    found: list[list[Finding]] = []
    matched = False
    for report in reports:
        one = next((each for each in earlier if (each.name, each.label) == (report.name, report.label)), None)
        if one is None:
            text = f"has no report on {_title(report.name, report.label)}"
            found.append([Finding(str(old), text, wrong=False)])
        else:
            matched = True
            found.append([*_grown(report, one, factor), *_gone(report, one)])
    if not matched:
        names = ", ".join(_title(each.name, each.label) for each in earlier)
        wanted = ", ".join(_title(each.name, each.label) for each in reports)
        raise InputError(f"{old} holds reports on {names}, but compared was {wanted}; give a baseline of the same")
    return found


def check_baseline(old: Path, factor: float = MAX_GROWTH) -> None:
    """Refuse a baseline that cannot be compared with, before anything takes long; arguments as of the comparison.

    Raises:
        InputError: there is no report, it cannot be read, or the factor is none.
    """
    _checked(old, factor)


def _checked(old: Path, factor: float) -> list[_Old]:
    if not 1 < factor < float("inf"):
        raise InputError(f"the growth allowed is {factor:g}; give a factor above 1, such as {MAX_GROWTH:g}")
    return _read(old)


def _grown(report: ReportData, old: _Old, factor: float) -> Iterator[Finding]:
    processor = str(report.to_dict().get("processor", ""))
    alike = _same_processor(processor, old.processor)
    shown = {each.name for each in report.backends if not each.counts}
    versions = {each.name: each.version for each in report.backends}
    for row in report.rows:
        before = old.rows.get((row.backend, row.graph, row.output))
        if before is None or not before.holds or not row.holds or row.exact:
            continue
        if row.ratio <= factor * max(before.ratio, LEAST_RATIO):
            continue
        text = (
            f"{row.graph}/{row.output} is {row.ratio:.2f} noise floors off, it was {before.ratio:.2f} in the baseline"
            f"{_versions(old.versions.get(row.backend, ''), versions.get(row.backend, ''))}; a growth by {factor:g} is "
            "allowed"
        )
        if not alike:
            text += f"; the baseline was made on another processor ({old.processor}, now {processor})"
        yield Finding(row.backend, text, wrong=alike and row.backend not in shown)


def _gone(report: ReportData, old: _Old) -> Iterator[Finding]:
    """Backends that held in the baseline and were not compared now."""
    ran = {row.backend for row in report.rows if row.rows}
    asked = {each.name for each in report.backends}
    for backend in dict.fromkeys(key[0] for key, row in old.rows.items() if row.holds):
        if backend in asked and backend not in ran:
            yield Finding(backend, "held in the baseline and gave no answer now", wrong=False)


def _same_processor(one: str, other: str) -> bool:
    """Whether two processors have the same instruction sets, as far as reports say it."""
    levels = [_LEVEL.findall(each) for each in (one, other)]
    if all(levels):
        return bool(levels[0] == levels[1])
    return one == other or not one or not other


def _versions(before: str, now: str) -> str:
    return f" ({before}, now {now})" if before and now and before != now else ""


def _title(name: str, label: str) -> str:
    return f"{name} in {label or FP32}"


def _read(place: Path) -> list[_Old]:
    if place.is_dir():
        files = [place / PARITY_FILE, *sorted(place.glob(f"*/{PARITY_FILE}"))]
        files = [path for path in files if path.is_file()]
        if not files:
            raise InputError(f"{place} holds no {PARITY_FILE}; give a report of an earlier run, or its folder")
        return [report for path in files for report in _reports(path)]
    return list(_reports(place))


def _reports(path: Path) -> Iterator[_Old]:
    if path.exists() and not path.is_file():
        raise InputError(f"no baseline at {path}: it is no file; give {PARITY_FILE} of an earlier run, or its folder")
    if path.exists() and (size := path.stat().st_size) > _MOST_BYTES:
        raise InputError(f"{path} has {size} bytes; a report has {_MOST_BYTES} at most")
    try:
        value = json.loads(path.read_bytes())
    except OSError as error:
        raise InputError(f"no baseline at {path}: {error.strerror or error}; keep a run with --report DIR") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is no {PARITY_FILE} of vaeport-parity: it is no JSON") from error
    reports = value.get("reports", [value]) if isinstance(value, dict) else [value]
    for each in reports if isinstance(reports, list) else [reports]:
        try:
            yield _parsed(each)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InputError(f"{path} is no {PARITY_FILE} of vaeport-parity: {error} is missing or wrong") from error


def _parsed(value: Any) -> _Old:
    rows = {
        (str(row["backend"]), str(row["graph"]), str(row["output"])): _OldRow(float(row["ratio"]), row["holds"] is True)
        for row in value["rows"]
    }
    if any(math.isnan(row.ratio) for row in rows.values()):
        raise ValueError("a ratio")
    versions = {str(each["name"]): str(each["version"]) for each in value["backends"]}
    return _Old(str(value["name"]), str(value["label"]), str(value.get("processor", "")), versions, rows)
