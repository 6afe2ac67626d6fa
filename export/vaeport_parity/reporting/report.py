"""What a comparison found, as data."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from vaeport.checks.comparison import error_ratio
from vaeport.contract import DECODER, ENCODER_CLASSIFIER, FP32, GOLDEN_FILE

from ..judging.figures import Figures

PARITY_FILE = "parity.json"
"""Name of the report inside a bundle."""


def parity_file(precision: str) -> str:
    """Path of a precision's report inside a bundle: beside the manifest for float32, else in its own folder."""
    return PARITY_FILE if precision == FP32 else f"{precision}/{PARITY_FILE}"


@dataclass(frozen=True)
class ChainShares:
    """What each graph has in the error of pictures that went through both."""

    encoder: float
    """Part of the largest error that came with the encoder's latents; both parts, signed, sum to that error."""
    decoder: float
    """Part of the largest error that the decoder added."""
    encoder_max: float
    """Largest absolute error that the latents alone bring into any pixel."""
    decoder_max: float
    """Largest absolute error that the decoder adds to any pixel."""

    @property
    def graph(self) -> str:
        """The graph that has the larger part in the largest error."""
        return ENCODER_CLASSIFIER if abs(self.encoder) > abs(self.decoder) else DECODER

    def __str__(self) -> str:
        parts = f"{self.encoder:.2g} came with the encoder's latents, {self.decoder:.2g} is the decoder's own"
        return f"of its largest error {self.encoder + self.decoder:.2g}, {parts}"


@dataclass(frozen=True)
class ParityRow:
    """One output of one graph on one backend."""

    backend: str
    """Name of the backend, or `golden.npz` for the recorded answers."""
    graph: str
    """Name of the graph, or `chain` for both one after the other."""
    output: str
    """Name of the output."""
    figures: Figures
    """How far it is from PyTorch."""
    noise_floor: float
    """PyTorch float32 against float64: from the manifest, for the chain measured on the same inputs."""
    tolerance: float
    """Bound on both errors: from the manifest, for the chain 4 floors."""
    rows: int
    """Rows that were compared."""
    class_flips: int | None = None
    """Images whose class changed by more than the tolerance; None where the output is no class."""
    alone: float = 0.0
    """Largest difference between a row run alone and the same row in the batch; held to the tolerance as well."""
    repeatable: bool = True
    """Whether the same batch run twice gave the same bits."""
    failed: str = ""
    """What it said where it gave no answer, and at which batch."""
    by_set: dict[str, float] = field(default_factory=dict)
    """Largest error by input set: tells drift in preprocessing from drift in the graph."""
    flips_by_set: dict[str, int] = field(default_factory=dict)
    """The same by input set; an image that stands in two sets is in both."""
    worst: tuple[str, int] = ("", 0)
    """Input set and row with the largest error."""
    shares: ChainShares | None = None
    """For the chain, what each graph has in its error."""
    heat: tuple[tuple[float, ...], ...] = ()
    """Largest difference of each pixel in noise floors, for outputs that are images; not part of the JSON."""

    @property
    def ratio(self) -> float:
        """The larger error in noise floors."""
        return float("inf") if self.failed else error_ratio(self.figures.max_abs, self.noise_floor)

    @property
    def holds(self) -> bool:
        """Whether everything is within its bound."""
        sound = self.repeatable and not self.class_flips and not self.failed
        return sound and max(self.figures.max_abs, self.alone) <= self.tolerance


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
    test_images: int = 0
    """How many of the images that were given it was asked about; a slow one is spared most of them."""
    milliseconds: dict[str, float] = field(default_factory=dict)
    """Median duration of one run on one thread by `graph x batch`."""
    place: str = ""
    """Where its answers first go wrong; empty where they do not, or where it was not looked for."""
    rung: str = ""
    """The first backend on the way from PyTorch to this one that falls short there: `torch-export`, `onnx-reference`,
    `onnxruntime-none`, `onnxruntime-all` or itself; empty where there is no such place."""


@dataclass(frozen=True)
class Finding:
    """Something that reading the files showed."""

    subject: str
    """File or field that it is about."""
    text: str
    """One sentence."""
    wrong: bool = True
    """Whether it breaks the contract; else it is for information."""


@dataclass(frozen=True)
class ParityReport:
    """Outcome for a bundle."""

    bundle: str
    """Name of the bundle."""
    images: int
    """Images that the encoder was compared on."""
    backends: tuple[BackendReport, ...]
    """Every backend that was asked for."""
    rows: tuple[ParityRow, ...]
    """One a backend, graph and output."""
    findings: tuple[Finding, ...] = ()
    """What reading the files showed."""
    precision: str = FP32
    """Which of the bundle's precisions was compared."""
    test_images: int = 0
    """How many of the images were given, as those of a test set are; the others are probes."""
    machine: str = ""
    """What durations were measured on; empty where none were."""

    @property
    def missing(self) -> dict[str, str]:
        """Backends that could not be run here, with the reason."""
        return {one.name: one.missing for one in self.backends if one.missing is not None}

    @property
    def deciding(self) -> tuple[ParityRow, ...]:
        """Rows that decide: the recorded answers', and those of backends that count."""
        shown = {one.name for one in self.backends if not one.counts}
        return tuple(row for row in self.rows if row.backend not in shown)

    @property
    def holds(self) -> bool:
        """Whether every deciding row holds, nothing in the files is wrong, and any backend ran at all."""
        rows = self.deciding
        ran = any(row.backend != GOLDEN_FILE for row in rows)
        return ran and all(row.holds for row in rows) and not any(finding.wrong for finding in self.findings)

    def of(self, backend: str) -> tuple[ParityRow, ...]:
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
        whole = {**asdict(self), "rows": rows, "missing": self.missing, "holds": self.holds}
        plain: dict[str, Any] = _plain(whole)
        return plain


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, float) and value in (float("inf"), float("-inf")):
        return "inf" if value > 0 else "-inf"
    return value
