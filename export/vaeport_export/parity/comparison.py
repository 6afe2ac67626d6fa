"""Run backends on the same inputs and measure how far each is from PyTorch."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from vaeport.comparison import error_ratio, flipped_rows, max_abs_error
from vaeport.contract import CLASS_PROBS, DECODER, ENCODER_CLASSIFIER, FP32, GOLDEN_FILE, GRAPHS, IMAGE, Z_MEAN, Z
from vaeport.errors import InputError, MissingExtraError
from vaeport.golden import Arrays, parse_golden
from vaeport.manifest import Tolerance

from ..golden import torch_answers
from ..probes import Inputs, probe_cuts, probe_inputs, probe_rows
from .backends import BACKENDS, Runner
from .subject import Subject

_CHUNK = 1000


@dataclass(frozen=True)
class ParityRow:
    """One output of one graph on one backend."""

    backend: str
    """Name of the backend."""
    version: str
    """Version of its software."""
    graph: str
    """Name of the graph."""
    output: str
    """Name of the output."""
    error_float32: float
    """Largest absolute difference from PyTorch float32."""
    error_float64: float
    """Largest absolute difference from PyTorch float64."""
    noise_floor: float
    """PyTorch float32 against float64, from the manifest."""
    tolerance: float
    """Bound on both errors, from the manifest."""
    class_flips: int | None
    """Rows whose class changed; None where the output is no class."""

    @property
    def ratio(self) -> float:
        """The larger error in noise floors."""
        return error_ratio(max(self.error_float32, self.error_float64), self.noise_floor)

    @property
    def holds(self) -> bool:
        """Whether both errors are within the tolerance and no class flipped."""
        return max(self.error_float32, self.error_float64) <= self.tolerance and not self.class_flips


@dataclass(frozen=True)
class ParityReport:
    """Outcome for a bundle."""

    bundle: str
    """Name of the bundle."""
    rows: tuple[ParityRow, ...]
    """One a backend, graph and output."""
    missing: dict[str, str]
    """Backends that could not be run here, with the reason; they count neither way."""
    images: int
    """Images that the encoder was compared on."""

    @property
    def holds(self) -> bool:
        """Whether every row holds, and any backend ran at all."""
        return all(row.holds for row in self.rows) and any(row.backend != GOLDEN_FILE for row in self.rows)


@dataclass(eq=False)
class _Worst:
    """Largest errors seen so far of one graph on one backend."""

    float32: dict[str, float]
    float64: dict[str, float]
    flips: int = 0

    def add(self, answers: Arrays, expected: Mapping[str, Arrays]) -> None:
        for name in self.float32:
            self.float32[name] = max(self.float32[name], max_abs_error(answers[name], expected["float32"][name]))
            self.float64[name] = max(self.float64[name], max_abs_error(answers[name], expected["float64"][name]))


@dataclass(frozen=True, eq=False)
class _Case:
    """Inputs of one graph, PyTorch's answers, and the cuts in which they are run."""

    graph: str
    inputs: Inputs
    expected: dict[str, Arrays]
    probes: bool = False

    def __len__(self) -> int:
        return len(next(iter(self.inputs.values())))

    def cuts(self) -> Iterator[slice]:
        if self.probes:
            yield from probe_cuts(len(self))
        else:
            yield from (slice(first, first + _CHUNK) for first in range(0, len(self), _CHUNK))


def compare_backends(
    subject: Subject,
    names: Sequence[str] | None = None,
    *,
    images: NDArray[np.uint8] | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> ParityReport:
    """Compare backends with PyTorch on the probes, in several batch sizes, and on more images if given.

    Args:
        subject: the bundle with its checkpoint.
        names: backends of `BACKENDS`; None takes all.
        images: uint8 [N, C, H, W], to compare on beside the probes; the decoder gets their posterior means.
        progress: called with the name of each backend before it runs.

    Raises:
        InputError: no such backend.
    """
    chosen = list(BACKENDS) if names is None else list(names)
    if unknown := [name for name in chosen if name not in BACKENDS]:
        raise InputError(f"unknown backend {unknown[0]!r}; known are {', '.join(BACKENDS)}")
    cases = _cases(subject, images)
    rows: list[ParityRow] = _golden_rows(subject)
    missing: dict[str, str] = {}
    for name in chosen:
        progress(name)
        try:
            version = BACKENDS[name].version()
        except (ModuleNotFoundError, MissingExtraError) as error:
            missing[name] = str(error)
            continue
        for graph in GRAPHS:
            runner = BACKENDS[name].load(subject, graph)
            rows += _compare(subject, name, version, runner, [case for case in cases if case.graph == graph])
    total = sum(len(case.inputs[IMAGE]) for case in cases if case.graph == ENCODER_CLASSIFIER)
    return ParityReport(subject.bundle.manifest.name, tuple(rows), missing, total)


def _cases(subject: Subject, images: NDArray[np.uint8] | None) -> list[_Case]:
    shapes = subject.bundle.manifest.shapes
    golden = parse_golden(subject.bundle.read(GOLDEN_FILE), shapes)
    cases = [
        _Case(graph, inputs, _expected(subject, graph, inputs), probes=True)
        for graph, inputs in probe_inputs(golden, shapes, rows=probe_rows(subject.checkpoint.network)).items()
    ]
    if images is not None:
        encoder_inputs: Inputs = {IMAGE: images.astype(np.float32) / np.float32(255)}
        encoded = _expected(subject, ENCODER_CLASSIFIER, encoder_inputs)
        answers = encoded["float32"]
        decoder_inputs = {
            Z: answers[Z_MEAN].astype(np.float32),
            CLASS_PROBS: answers[CLASS_PROBS].astype(np.float32),
        }
        cases.append(_Case(ENCODER_CLASSIFIER, encoder_inputs, encoded))
        cases.append(_Case(DECODER, decoder_inputs, _expected(subject, DECODER, decoder_inputs)))
    return cases


def _expected(subject: Subject, graph: str, inputs: Inputs) -> dict[str, Arrays]:
    module = subject.module(graph)
    return {name: torch_answers(module, graph, inputs, getattr(torch, name)) for name in ("float32", "float64")}


def _compare(subject: Subject, name: str, version: str, runner: Runner, cases: list[_Case]) -> list[ParityRow]:
    tolerances = subject.bundle.manifest.tolerances[FP32][cases[0].graph]
    outputs = GRAPHS[cases[0].graph].outputs
    worst = _Worst(dict.fromkeys(outputs, 0.0), dict.fromkeys(outputs, 0.0))
    for case in cases:
        flipped = np.zeros(len(case), bool)
        for rows in case.cuts():
            answers = _run(runner, {key: values[rows] for key, values in case.inputs.items()}, outputs)
            expected = {
                precision: {key: values[rows] for key, values in arrays.items()}
                for precision, arrays in case.expected.items()
            }
            worst.add(answers, expected)
            flipped[rows] |= _flipped(answers, expected, tolerances)
        worst.flips += int(flipped.sum())
    return _rows(name, version, cases[0].graph, worst, tolerances)


def _run(runner: Runner, inputs: Inputs, outputs: Sequence[str]) -> Arrays:
    """Answers of a backend; one that fails on a batch has no answer there, which is as wrong as can be."""
    try:
        return runner(inputs)
    except Exception:  # noqa: BLE001 - backends raise errors of all kinds
        return {output: np.full((), np.nan) for output in outputs}


def _flipped(
    answers: Arrays, expected: Mapping[str, Arrays], tolerances: Mapping[str, Tolerance]
) -> NDArray[np.bool_] | bool:
    """Rows whose class is not that of PyTorch in float64; False for a graph without classes."""
    if CLASS_PROBS not in answers:
        return False
    margin = tolerances[CLASS_PROBS].max_abs
    return flipped_rows(answers[CLASS_PROBS], expected["float64"][CLASS_PROBS], margin=margin)


def _golden_rows(subject: Subject) -> list[ParityRow]:
    """Compare the recorded answers too: with those of another checkpoint, `vaeport verify` would prove nothing."""
    manifest, rows = subject.bundle.manifest, []
    golden = parse_golden(subject.bundle.read(GOLDEN_FILE), manifest.shapes)
    for graph, spec in GRAPHS.items():
        expected = _expected(subject, graph, golden.inputs(graph))
        worst = _Worst(dict.fromkeys(spec.outputs, 0.0), dict.fromkeys(spec.outputs, 0.0))
        tolerances = manifest.tolerances[FP32][graph]
        for answers in golden.answers[graph].values():
            worst.add(answers, expected)
            worst.flips = max(worst.flips, int(np.count_nonzero(_flipped(answers, expected, tolerances))))
        rows += _rows(GOLDEN_FILE, manifest.made_with.get("torch", "unknown"), graph, worst, tolerances)
    return rows


def _rows(name: str, version: str, graph: str, worst: _Worst, tolerances: Mapping[str, Tolerance]) -> list[ParityRow]:
    return [
        ParityRow(
            name,
            version,
            graph,
            output,
            worst.float32[output],
            worst.float64[output],
            tolerances[output].noise_floor,
            tolerances[output].max_abs,
            worst.flips if (graph, output) == (ENCODER_CLASSIFIER, CLASS_PROBS) else None,
        )
        for output in GRAPHS[graph].outputs
    ]
