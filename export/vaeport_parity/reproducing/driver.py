"""Reproducers for everything that one backend gets wrong in a subject."""

import os
import re
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from vaeport.common.commands import print_line
from vaeport.errors import InputError

from ..judging.report import ReportData, Row
from ..locating.node_search import RunPart
from ..subjects.subject import Graph, InputSet, Subject
from ..subjects.tensors import Arrays
from .cutting import NOT_SHOWN
from .reproducer import Reproducer, make_reproducer

_MANY_ROWS = 257  # some backends fail on large batches only
_FEW_ROWS = 8


def reproducers(
    subject: Subject, backend: str, rows: Sequence[Row], *, run: RunPart, limit: float, version: str = ""
) -> tuple[Reproducer, ...]:
    """A reproducer for each graph on which a backend falls short, or a sentence that says why there is none.

    It never raises: what cannot be reduced is said.

    Args:
        subject: what was compared.
        backend: name of the backend.
        rows: its rows.
        run: runs graphs on it.
        limit: seconds that all of it may take.
        version: of its software.
    """
    made = []
    short = {graph.name: [row for row in rows if row.graph == graph.name and not row.holds] for graph in subject.graphs}
    failing = [graph for graph in subject.graphs if short[graph.name]]
    until = time.monotonic() + limit
    for place, graph in enumerate(failing):
        share = (until - time.monotonic()) / (len(failing) - place)
        row = max(short[graph.name], key=lambda row: (not row.failed, row.ratio))
        name = reproducer_name(subject, backend, graph.name)
        found: Reproducer | None
        try:
            found = _reproducer(subject, graph, row, backend, run, max(share, 1.0), version)
        except Exception as error:  # noqa: BLE001 - references raise errors of all kinds, and the comparison stands without
            said = " ".join(str(error).split())[:200] or type(error).__name__
            found = Reproducer(name, backend, version, text=f"no reproducer: {said}")
        if found is not None:
            made.append(found)
    return tuple(made)


def write_reproducers(reports: Sequence[ReportData], folder: str | os.PathLike[str]) -> None:
    """Write what was made for some reports, a folder each, and print a line for it or for why there is none.

    Args:
        reports: reports of one subject.
        folder: made if need be; folders of older reproducers in it are replaced.

    Raises:
        OutputError: something else stands where a reproducer belongs, or it cannot be written.
    """
    for made in _all_of(reports):
        if made.files:
            made.write(Path(folder) / made.name)
    tell_reproducers(reports, folder)


def tell_reproducers(reports: Sequence[ReportData], folder: str | os.PathLike[str], *, reasons: bool = True) -> None:
    """Print a line for each reproducer that stands in a folder, and for why there is none.

    Args:
        reports: reports of one subject.
        folder: where a folder of each stands.
        reasons: whether to say why there is none, too.
    """
    for made in _all_of(reports):
        if not made.files and not reasons:
            continue
        print_line(f"{Path(folder) / made.name if made.files else made.name}: {made.text}", file=sys.stderr)


def _all_of(reports: Sequence[ReportData]) -> list[Reproducer]:
    return [each for report in reports for backend in report.backends for each in backend.reproducers]


def reproducer_name(subject: Subject, backend: str, graph: str) -> str:
    """Name of a reproducer and its folder: backend, precision unless it is float32, and graph."""
    parts = (backend, subject.label, graph)
    return re.sub(r"[^\w.=@-]+", "_", "-".join(part for part in parts if part))


def _reproducer(
    subject: Subject, graph: Graph, row: Row, backend: str, run: RunPart, limit: float, version: str
) -> Reproducer | None:
    """The first that shows the fault, of one row, of some, of many."""
    name = reproducer_name(subject, backend, graph.name)
    until = time.monotonic() + limit
    first: Reproducer | None = None
    for inputs in _inputs(subject, graph, row):
        left = until - time.monotonic()
        if left <= 0:
            break
        try:
            expected = graph.reference.answers(inputs, "float64") if graph.reference.any_inputs else {}
        except InputError:
            expected = {}
        found = make_reproducer(
            graph,
            backend,
            inputs,
            expected,
            row.output,
            row.tolerance,
            run=run,
            limit=left,
            version=version,
            name=name,
        )
        if found is None or found.files or found.in_file:
            return found
        if first is None or NOT_SHOWN in first.text:  # why nothing came of it says more than that all was right
            first = found
    return first


def _inputs(subject: Subject, graph: Graph, row: Row) -> Iterator[Arrays]:
    """Inputs on which the fault may show: the worst row, the run that it was in, many rows; none at the end."""
    probes = subject.input_set(graph.name, "probes")
    if row.failed:
        sets = [probes, *(each for each in subject.input_sets if each.graph == graph.name and each is not probes)]
        yield probes.rows(0, 1)
        yield probes.rows(0, _MANY_ROWS)
        yield from (each.rows(0, _MANY_ROWS) for each in sets[1:])
        yield probes.rows(0, 0)
        return
    name, start, stop = row.step
    worst_set, worst = row.worst
    given: InputSet = subject.input_set(graph.name, worst_set or name or "probes")
    if not given.batched:
        yield given.values()
        return
    yield given.rows(worst, worst + 1)
    if name and stop - start > 1:
        yield subject.input_set(graph.name, name).rows(start, stop)
    first = max(0, min(worst - _FEW_ROWS // 2, len(given) - _FEW_ROWS))
    yield given.rows(first, first + _FEW_ROWS)
    yield given.rows(max(0, min(worst, len(given) - _MANY_ROWS)), len(given))
