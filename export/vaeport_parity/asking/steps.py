"""What every backend is asked: inputs, in which batches, alone and as a chain, and twice."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from vaeport.bundle.golden import parse_golden
from vaeport.contract import CLASS_PROBS, DECODER, ENCODER_CLASSIFIER, FP32, GOLDEN_FILE, GRAPHS, IMAGE, Z_MEAN, Z
from vaeport.images.scaling import from_uint8
from vaeport_export.bundle.original import torch_answers
from vaeport_export.bundle.probes import (
    Inputs,
    doubtful_rows,
    hard_inputs,
    probe_cuts,
    probe_inputs,
    probe_rows,
)
from vaeport_export.bundle.subject import Subject

from ..reference.expected import Expected, expected_answers

CHAIN = "chain"
"""Name, in steps and reports, of both graphs one after the other: image -> z_mean, class_probs -> image."""

TEST = "test"
"""Name of the set of the images that were given."""

DOUBTFUL = "doubtful"
"""Name of the set of the images whose expected class is most doubtful: of those given, else of the recorded ones."""

_CHUNK = 250
_AGAIN = 7  # rows run twice: one of the batch sizes in which the probes are cut
_PIXELS_EVERY = 6  # golden images of a network with convolutions that are asked about as raw pixels, too
_SLOW_IMAGES = 500


@dataclass(frozen=True, eq=False)
class InputSet:
    """Inputs of one graph, and what must be answered to them."""

    name: str
    """`probes`, `hard`, `pixels`, `test` or `doubtful`."""
    graph: str
    """Name of the graph, or `chain`."""
    inputs: dict[str, NDArray[np.generic]]
    """Float32 by input name; uint8 pixels where the backend's side divides by 255."""
    expected: Expected
    """The answers, as of `expected_answers`."""

    def __len__(self) -> int:
        return len(next(iter(self.inputs.values())))


@dataclass(frozen=True)
class Step:
    """One run of a backend."""

    graph: str
    """Name of the graph, or `chain`."""
    inputs: str
    """Name of the input set."""
    start: int
    """First row."""
    stop: int
    """Row after the last."""
    kind: str = "run"
    """`run`; `again`, the same once more; `time`, run until its duration is known."""


@dataclass(frozen=True, eq=False)
class Questions:
    """All input sets, and all steps over them."""

    sets: dict[tuple[str, str], InputSet]
    """By graph and name."""
    steps: tuple[Step, ...] = field(default=())
    """In the order in which they are run; the empty batch, on which some backends die, last."""

    @property
    def images(self) -> int:
        """Images that the encoder is asked about; the doubtful ones are among the others."""
        sets = self.sets.values()
        return sum(len(one) for one in sets if one.graph == ENCODER_CLASSIFIER and one.name != DOUBTFUL)

    @property
    def test_images(self) -> int:
        """How many of the images that were given are asked about."""
        given = (step for step in self.steps if (step.graph, step.inputs) == (ENCODER_CLASSIFIER, TEST))
        return sum(step.stop - step.start for step in given)


def questions(subject: Subject, *, images: NDArray[np.uint8] | None = None, timed: bool = True) -> Questions:
    """Everything that a backend is asked about a bundle.

    Args:
        subject: the bundle with its checkpoint.
        images: uint8 [N, C, H, W], to ask about beside the probes; the decoder gets their posterior means.
        timed: whether durations are measured.
    """
    sets = {(one.graph, one.name): one for one in _input_sets(subject, images)}
    steps = list(_steps(sets))
    if timed:
        most = max(step.stop for step in steps)
        steps += [Step(graph, "probes", 0, min(n, most), "time") for graph in GRAPHS for n in (1, 257)]
    steps.sort(key=lambda step: step.start == step.stop)
    return Questions(sets, tuple(steps))


def fewer_images(asked: Questions) -> Questions:
    """The same with only some of the test images, for backends that are slow."""
    kept = tuple(step for step in asked.steps if step.inputs != TEST or step.stop <= _SLOW_IMAGES)
    return Questions(asked.sets, kept)


def _input_sets(subject: Subject, images: NDArray[np.uint8] | None) -> Iterator[InputSet]:
    shapes = subject.bundle.manifest.shapes
    golden = parse_golden(subject.bundle.read(GOLDEN_FILE), shapes)
    for graph, inputs in probe_inputs(golden, shapes, rows=probe_rows(convolutional=subject.convolutional)).items():
        yield _asked(subject, "probes", graph, inputs)
    for graph, inputs in hard_inputs(shapes).items():
        yield _asked(subject, "hard", graph, inputs)
    pixels = golden.images[:: _PIXELS_EVERY if subject.convolutional else 1]
    scaled: Inputs = {IMAGE: from_uint8(pixels)}
    encoded = expected_answers(subject, ENCODER_CLASSIFIER, scaled)
    yield InputSet("pixels", ENCODER_CLASSIFIER, {IMAGE: pixels}, encoded)
    if subject.precision == FP32:
        yield InputSet("pixels", CHAIN, {IMAGE: pixels}, _chained(subject, encoded))
    known = golden.labels >= 0
    whole = (golden.images[known] if known.any() else golden.images) if images is None else images
    candidates: Inputs = {IMAGE: from_uint8(whole)}
    expected = expected_answers(subject, ENCODER_CLASSIFIER, candidates)
    rows = doubtful_rows(expected["float64"][CLASS_PROBS])
    yield _asked(subject, DOUBTFUL, ENCODER_CLASSIFIER, {IMAGE: candidates[IMAGE][rows]})
    if images is not None:
        yield InputSet(TEST, ENCODER_CLASSIFIER, dict(candidates), expected)
        answers = expected["float32"]
        yield _asked(
            subject,
            TEST,
            DECODER,
            {Z: answers[Z_MEAN].astype(np.float32), CLASS_PROBS: answers[CLASS_PROBS].astype(np.float32)},
        )


def _asked(subject: Subject, name: str, graph: str, inputs: Inputs) -> InputSet:
    return InputSet(name, graph, dict(inputs), expected_answers(subject, graph, inputs))


def _chained(subject: Subject, encoded: Expected) -> Expected:
    """PyTorch's decoder on PyTorch's own latents, each precision with itself."""
    import torch

    module = subject.module(DECODER)
    return {
        precision: torch_answers(
            module, DECODER, {Z: answers[Z_MEAN], CLASS_PROBS: answers[CLASS_PROBS]}, getattr(torch, precision)
        )
        for precision, answers in encoded.items()
    }


def _steps(sets: dict[tuple[str, str], InputSet]) -> Iterator[Step]:
    for (graph, name), one in sets.items():
        n = len(one)
        if name == "probes":
            yield from (Step(graph, name, rows.start, rows.stop) for rows in probe_cuts(n))
            yield Step(graph, name, 0, _AGAIN, "again")
        elif name == TEST:
            yield from (Step(graph, name, first, min(first + _CHUNK, n)) for first in range(0, n, _CHUNK))
        elif name == DOUBTFUL:
            cuts = dict.fromkeys([(0, n), *((row, row + 1) for row in range(n))])
            yield from (Step(graph, name, *cut) for cut in cuts)
        else:
            yield Step(graph, name, 0, n)
