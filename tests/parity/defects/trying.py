"""Try one defect or rewrite: is it seen, is the place right, is anybody accused who did nothing?"""

import importlib.util
import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import onnx

from tools.torture.enemy.bundle import manifest_of, read_files
from vaeport.contract import CHECKPOINT_FOLDER, GRAPHS, MANIFEST_FILE
from vaeport.errors import VaeportError
from vaeport_parity.judging.report import backend_verdict
from vaeport_parity.reference.evaluator import every_node
from vaeport_parity.reporting.report import Report

from .bases import BUNDLES, Bases, compared
from .editing import GRAPH_FILE, seal_anew
from .kinds import Defect, Rewrite

Verdict = Literal["caught", "missed", "holds", "false alarm", "stopped", "skipped"]
"""Of defects `caught` or `missed`, of rewrites `holds` or `false alarm`; `stopped` where there was no report."""


@dataclass(frozen=True)
class Outcome:
    """What came of one trial."""

    key: str
    """Which."""
    verdict: Verdict
    """What was said."""
    placed: bool
    """Whether everything that was said leads to the defect; true for rewrites."""
    texts: tuple[str, ...]
    """Places and findings as a reader gets them, or why there was no report."""
    seconds: float
    """How long it took."""

    @property
    def right(self) -> bool:
        """Whether the verdict is the right one."""
        return self.verdict in ("caught", "holds", "skipped")


def attempt(case: Defect | Rewrite, bases: Bases, folder: Path) -> Outcome:
    """Plant a defect, or rewrite, in a copy of its base, and compare.

    Args:
        case: which.
        bases: the bases.
        folder: a folder that does not exist, for the copy.
    """
    began = time.perf_counter()
    if isinstance(case, Rewrite) and case.needs and importlib.util.find_spec(case.needs) is None:
        return Outcome(case.key, "skipped", True, (f"{case.needs} is not installed",), 0.0)
    sound = bases.of(case.base)
    bases.copy_of(case.base, folder)
    more = case.plant(folder) or ()
    if case.base in BUNDLES:
        seal_anew(folder)
    try:
        report = compared(case.base, folder, sound, precision=case.precision, trusted=case.trusted)
    except VaeportError as error:
        return _refused(case, str(error), time.perf_counter() - began)
    except Exception as error:  # noqa: BLE001 - whatever ends a comparison is what is looked for
        return Outcome(case.key, "stopped", False, (f"{type(error).__name__}: {error}",), time.perf_counter() - began)
    seconds = time.perf_counter() - began
    if isinstance(case, Rewrite):
        texts = () if report.holds else (*_places(report), *_findings(report), str(report))
        return Outcome(case.key, "holds" if report.holds else "false alarm", True, texts, seconds)
    if report.holds:
        return Outcome(case.key, "missed", False, _informed(report), seconds)
    changed = _changed(sound, folder)
    names = _nodes(folder, case)
    placed = _is_placed(report, (*case.where, *more), names, changed)
    return Outcome(case.key, "caught", placed, (*_places(report), *_findings(report)), seconds)


def leads_to(text: str, where: Iterable[str], nodes: Iterable[str]) -> bool:
    """Whether the first node or other name in a text that could be the culprit's is the culprit's.

    Args:
        text: what a reader is told.
        where: names of the culprit.
        nodes: names of all nodes, any of which the text could lead to.
    """
    right = set(where)
    found = {name: at for name in right | set(nodes) if (at := _position(text, name)) is not None}
    first = min(found.values(), default=None)
    return any(at == first for name, at in found.items() if name in right)


def _position(text: str, name: str) -> int | None:
    found = re.search(rf"(?<![\w/]){re.escape(name)}(?![\w/]|\.\w)", text) if name else None
    return found.start() if found else None


def _refused(case: Defect | Rewrite, text: str, seconds: float) -> Outcome:
    if isinstance(case, Defect) and case.refused and any(_position(text, name) is not None for name in case.where):
        return Outcome(case.key, "caught", True, (text,), seconds)
    return Outcome(case.key, "stopped", False, (text,), seconds)


def _is_placed(report: Report, where: Sequence[str], nodes: Sequence[str], changed: set[str]) -> bool:
    places, findings = _places(report), _findings(report)
    if not _accused(report) <= changed:
        return False
    if changed == {MANIFEST_FILE}:
        findings = tuple(text for text in findings if MANIFEST_FILE in text)
    if places:
        return all(leads_to(text, where, nodes) for text in places)
    return any(leads_to(text, where, nodes) for text in findings)


def _places(report: Report) -> tuple[str, ...]:
    """Places of the backends that count and do not hold."""
    texts = [one.place for one in report.backends if one.counts and backend_verdict(report, one) != "holds"]
    return tuple(dict.fromkeys(text for text in texts if text))


def _findings(report: Report) -> tuple[str, ...]:
    return tuple(f"{each.subject}: {each.text}" for each in report.findings if each.wrong)


def _informed(report: Report) -> tuple[str, ...]:
    return tuple(f"{each.subject}: {each.text}" for each in report.findings)


def _accused(report: Report) -> set[str]:
    """Graphs and originals that findings call wrong: what is recorded of them can only contradict what has changed."""
    subjects = {each.subject for each in report.findings if each.wrong}
    inside = {each for each in subjects if not Path(each).is_absolute()}  # a foreign graph is the changed one
    return {each for each in inside if each.endswith(".onnx") or each.startswith(f"{CHECKPOINT_FOLDER}/")}


def _changed(sound: Path, folder: Path) -> set[str]:
    """Files that are others than before; the manifest by what it says beside its list of files."""
    old, new = read_files(sound), read_files(folder)
    changed = {name for name in old.keys() | new.keys() if old.get(name) != new.get(name)}
    if MANIFEST_FILE in changed:
        first, second = ({**manifest_of(files), "files": {}} for files in (old, new))
        changed -= {MANIFEST_FILE} if first == second else set()
    return changed


def _nodes(folder: Path, case: Defect) -> tuple[str, ...]:
    files = [GRAPH_FILE] if case.base not in BUNDLES else [spec.file(case.precision) for spec in GRAPHS.values()]
    models = [onnx.load(folder / file) for file in files]
    return tuple({node.name for model in models for node in every_node(model) if node.name})
