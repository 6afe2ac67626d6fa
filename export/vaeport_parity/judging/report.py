"""What a comparison found, as data, and what holds: tables, pages, JUnit files and exit codes decide by this file."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from vaeport.checks.comparison import error_ratio
from vaeport.contract import FP32

from .figures import Figures

PARITY_FILE = "parity.json"
"""Name of the report inside a bundle."""


def parity_file(precision: str) -> str:
    """Path of a precision's report inside a bundle: beside the manifest for float32, else in its own folder."""
    return PARITY_FILE if precision == FP32 else f"{precision}/{PARITY_FILE}"


@dataclass(frozen=True)
class ChainShares:
    """What the last graph and those before it have in the error of an output of the chain."""

    before: float
    """Part of the largest error that came with the last graph's inputs; both parts, signed, sum to that error."""
    last: float
    """Part of the largest error that the last graph added."""
    before_max: float
    """Largest absolute error that the last graph's inputs alone bring into the output."""
    last_max: float
    """Largest absolute error that the last graph adds."""
    graphs: tuple[str, str]
    """Names of the graph before the last, and of the last."""

    @property
    def graph(self) -> str:
        """The graph that has the larger part in the largest error."""
        return self.graphs[abs(self.before) <= abs(self.last)]

    def __str__(self) -> str:
        before, last = self.graphs
        parts = f"{self.before:.2g} came from {before}, {self.last:.2g} is added by {last}"
        return f"of its largest error {self.before + self.last:.2g}, {parts}"


@dataclass(frozen=True)
class Row:
    """One output of one graph on one backend."""

    backend: str
    """Name of the backend, or the file of recorded answers."""
    graph: str
    """Name of the graph, or of the chain."""
    output: str
    """Name of the output."""
    figures: Figures
    """How far it is from the reference."""
    noise_floor: float
    """Rounding noise of the reference: its native answers against float64."""
    tolerance: float
    """Bound on the errors against the native and against the float64 reference; 0 for outputs that must be equal."""
    rows: int
    """Rows that were compared, runs where there is no batch."""
    exact: bool = False
    """Whether the output holds integers or booleans, which must be equal."""
    mismatches: int = 0
    """Entries that differ, for exact outputs."""
    in_doubt: int = 0
    """Entries of an exact output that were left out: the float64 reference has another value than the native one."""
    flips: int | None = None
    """Rows whose largest entry (class) changed by more than the tolerance; None where the output is no scores."""
    alone: float = 0.0
    """Largest difference between a row run alone and the same row in the batch; held to the tolerance as well."""
    repeatable: bool = True
    """Whether the same batch run twice gave the same bits."""
    failed: str = ""
    """What it said where it gave no answer, and at which batch."""
    by_set: dict[str, float] = field(default_factory=dict)
    """Largest error by input set: tells drift in preprocessing from drift in the graph. A set whose noise floor is
    another (large inputs) is scaled to the floor of this row, which is that of the set with the worst ratio."""
    flips_by_set: dict[str, int] = field(default_factory=dict)
    """The same by input set; a row that stands in two sets is in both."""
    worst: tuple[str, int] = ("", 0)
    """Input set and row with the largest error."""
    step: tuple[str, int, int] = ("", 0, 0)
    """Input set, first row and row after the last of the run that `failed`, else of the one with the largest error;
    where that is within the bound, of the run whose row alone or whose repetition differs."""
    shares: ChainShares | None = None
    """For the chain, what each graph has in its error."""
    heat: tuple[tuple[float, ...], ...] = ()
    """Largest difference of each pixel in noise floors, for outputs that are images; not part of the JSON."""

    @property
    def ratio(self) -> float:
        """The larger error in noise floors; for exact outputs 0 or infinite."""
        if self.failed or self.mismatches:
            return float("inf")
        return error_ratio(self.figures.max_abs, self.noise_floor)

    @property
    def holds(self) -> bool:
        """Whether everything is within its bound."""
        return row_holds(self)


@dataclass(frozen=True)
class BackendReport:
    """One backend as a whole."""

    name: str
    """Name of the backend."""
    version: str
    """Version of its software; empty where it is missing."""
    counts: bool
    """Whether it decides; others are shown."""
    remark: str
    """What to know of it."""
    missing: str | None = None
    """Why it was not compared; it counts neither way."""
    refusals: tuple[str, ...] = ()
    """What it does not take, where that is allowed to it."""
    given_samples: int = 0
    """How many of the given rows it was asked about; a slow one is spared most of them."""
    milliseconds: dict[str, float] = field(default_factory=dict)
    """Median duration of one run on one thread by `graph x batch`."""
    place: str = ""
    """Where its answers first go wrong; empty where they do not, or where it was not looked for."""
    rung: str = ""
    """The first backend on the way from the reference to this one that falls short there: `torch-export`,
    `onnx-reference`, `onnxruntime-none`, `onnxruntime-all` or itself; empty where there is no such place."""
    reproducers: tuple[Any, ...] = ()
    """A `reproducing.reproducer.Reproducer` for each graph that falls short, where they were made; in a report that was
    read from JSON, their names."""


@dataclass(frozen=True)
class Finding:
    """Something that reading the files showed."""

    subject: str
    """File or field that it is about."""
    text: str
    """One sentence."""
    wrong: bool = True
    """Whether it makes the subject fail; else it is for information."""


@dataclass(frozen=True)
class ReportData:
    """What a comparison found."""

    name: str
    """Name of the subject."""
    samples: int
    """Rows (runs where there is no batch) that the first graph was compared on."""
    backends: tuple[BackendReport, ...]
    """Every backend that was asked for."""
    rows: tuple[Row, ...]
    """One a backend, graph and output."""
    findings: tuple[Finding, ...] = ()
    """What reading the files showed."""
    label: str = ""
    """Precision of the graphs: empty for float32, else `fp16`, `int8`, ..."""
    yardstick: str = "PyTorch"
    """What the reference is, in words."""
    given_samples: int = 0
    """How many of the rows are the user's own data, such as a test set; the others are probes."""
    notes: tuple[str, ...] = ()
    """How inputs and tolerances were made, a sentence each."""
    left_out: tuple[str, ...] = ()
    """Questions that were not asked, a sentence each with the reason."""
    machine: str = ""
    """What durations were measured on; empty where none were."""
    processor: str = ""
    """The processor that it was made on, with the instruction sets that decide which kernels run."""

    @property
    def precision(self) -> str:
        """The label with its usual value."""
        return self.label or FP32

    @property
    def missing(self) -> dict[str, str]:
        """Backends that could not be run here, with the reason."""
        return {one.name: one.missing for one in self.backends if one.missing is not None}

    @property
    def deciding(self) -> tuple[Row, ...]:
        """Rows that decide: the recorded answers', and those of backends that count."""
        return counting_rows(self)

    @property
    def graphs(self) -> dict[str, tuple[str, ...]]:
        """Outputs by graph (and chain), in the order of the rows."""
        outputs: dict[str, dict[str, None]] = {}
        for row in self.rows:
            outputs.setdefault(row.graph, {})[row.output] = None
        return {graph: tuple(names) for graph, names in outputs.items()}

    @property
    def recorded(self) -> tuple[str, ...]:
        """Files of recorded answers that were judged too."""
        backends = {backend.name for backend in self.backends}
        return tuple(dict.fromkeys(row.backend for row in self.rows if row.backend not in backends))

    @property
    def holds(self) -> bool:
        """Whether every deciding row holds, nothing in the files is wrong, and any backend ran at all."""
        return report_holds(self)

    def of(self, backend: str) -> tuple[Row, ...]:
        """Rows of one backend."""
        return tuple(row for row in self.rows if row.backend == backend)

    def to_json(self) -> str:
        """Text of `parity.json`."""
        return json.dumps(self.to_dict(), indent=1, ensure_ascii=False, allow_nan=False) + "\n"

    def to_dict(self) -> dict[str, Any]:
        """The report for a JSON file; numbers that JSON cannot hold are text."""
        rows = [{**asdict(row), "ratio": row.ratio, "holds": row.holds} for row in self.rows]
        for row, told in zip(self.rows, rows, strict=True):
            del told["heat"]
            if row.shares:
                told["shares"]["graph"] = row.shares.graph
        backends = tuple(replace(one, reproducers=reproducer_names(one)) for one in self.backends)
        whole = {**asdict(replace(self, rows=(), backends=backends)), "rows": rows}
        whole |= {"missing": self.missing, "holds": self.holds}
        plain: dict[str, Any] = _plain(whole)
        return plain


Verdict = Literal["holds", "falls short", "refuses", "missing"]
"""`refuses` where a graph got no answer at all, `missing` where the backend is not installed."""


def row_holds(row: Row) -> bool:
    """Whether one output of one graph on one backend is within its bounds; one that was never asked is not."""
    answered = row.rows > 0 and row.repeatable and not row.failed and not row.flips and not row.mismatches
    return answered and max(row.figures.max_abs, row.alone) <= row.tolerance


def verdict(rows: Sequence[Row]) -> Verdict:
    """The verdict on rows of one backend: all of them, or those of one graph or output.

    Args:
        rows: its rows; none where the backend is missing.
    """
    if not rows:
        return "missing"
    if all(row_holds(row) for row in rows):
        return "holds"
    graphs = dict.fromkeys(row.graph for row in rows)
    silent = [graph for graph in graphs if not any(row.rows for row in rows if row.graph == graph)]
    return "refuses" if silent else "falls short"


def verdict_text(word: Verdict, *, counts: bool) -> str:
    """The verdict in a table: a backend that does not count and does not hold is only shown."""
    return word if counts or word in ("holds", "missing") else f"{word}, shown"


def reproducer_names(backend: BackendReport) -> tuple[str, ...]:
    """Names of a backend's reproducers, made or read."""
    return tuple(each if isinstance(each, str) else each.name for each in backend.reproducers)


def counting_rows(report: ReportData) -> tuple[Row, ...]:
    """Rows that decide: those of recorded answers, and those of backends that count."""
    shown = {backend.name for backend in report.backends if not backend.counts}
    return tuple(row for row in report.rows if row.backend not in shown)


def report_holds(report: ReportData) -> bool:
    """Whether every deciding row holds, nothing in the files is wrong, and any backend ran at all."""
    rows = counting_rows(report)
    backends = {backend.name for backend in report.backends}
    ran = any(row.backend in backends for row in rows)
    return ran and verdict(rows) == "holds" and not any(finding.wrong for finding in report.findings)


def backend_verdict(report: ReportData, backend: BackendReport) -> Verdict:
    """The verdict on one backend of a report."""
    return "missing" if backend.missing is not None else verdict(report.of(backend.name))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
