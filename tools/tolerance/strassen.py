"""Why MNN is several noise floors off on the preset `mlp` in large batches: Strassen's product, on and off.

MNN multiplies large matrices by Strassen's scheme, which adds and subtracts blocks before it multiplies, so that its
rounding errors are those of larger numbers. Its source has no switch for that, but a condition: the inner size must be
a multiple of twice the width of a vector. A hidden layer with one more unit, whose weights are all zero, is the same
network and does not meet it.
"""

import dataclasses
import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

import vaeport_train
from vaeport.bundle.opening import open_bundle
from vaeport.common.fileio import write_text
from vaeport.errors import InputError
from vaeport_export import export_run
from vaeport_export.bundle.subject import subject_of
from vaeport_parity.asking.jobs import make_job
from vaeport_parity.asking.steps import Plan, Step, make_plan
from vaeport_parity.backends import all_backends
from vaeport_parity.judging.bounds import Bounds
from vaeport_parity.running.execution import run_backend
from vaeport_parity.subjects.subject import Graph, InputSet, Subject
from vaeport_train.data import load_dataset

from .rules import floors

STRASSEN_FILE = "strassen.json"
"""Name of the result in the study's folder."""

BATCHES = (1, 48, 96, 257, 1000, 5000)
"""Rows of a batch that are tried; the last has all digits of mnist-5k."""

RUNTIMES = ("onnxruntime-all", "mnn")
"""Runtimes that are tried."""

_SET = "test"
_LIMIT = 300.0
_MATRIX = 2  # axes


@dataclass(frozen=True)
class Ratio:
    """One output of the preset on one runtime in batches of one size."""

    runtime: str
    """Name of the backend."""
    graph: str
    """Name of the graph."""
    output: str
    """Name of the output."""
    batch: int
    """Rows of a batch."""
    widened: bool
    """Whether the hidden layers have one more unit, with which MNN adds products up directly."""
    ratio: float
    """Largest error in noise floors."""


def measure_strassen(folder: Path, *, epochs: int = 30, batches: Sequence[int] = BATCHES) -> None:
    """Train the preset `mlp`, export it, and run it as it is and with one more unit in each hidden layer.

    Args:
        folder: gets `strassen.json`, a list of `Ratio`.
        epochs: how long it is trained.
        batches: rows of the batches.

    Raises:
        InputError: a runtime is missing or does not answer.
    """
    with tempfile.TemporaryDirectory(prefix="vaeport-strassen-") as place:
        run = vaeport_train.fit(Path(place) / "run", preset="mlp", settings={"training.epochs": epochs})
        export_run(run.folder, Path(place) / "mlp")
        images = load_dataset("mnist-5k").development.images[: max(batches)]
        subject = subject_of(open_bundle(Path(place) / "mlp"), images=images)
        subject = dataclasses.replace(subject, chain=None, recorded=(), input_sets=_kept(subject))
        wide = dataclasses.replace(subject, graphs=tuple(map(_widened, subject.graphs)))
        found: list[Ratio] = []
        for number, each in enumerate((subject, wide)):
            found += _ratios(each, Path(place) / f"job-{number}", batches, widened=each is wide)
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / STRASSEN_FILE, json.dumps([asdict(each) for each in found], indent=1))


def _kept(subject: Subject) -> tuple[InputSet, ...]:
    graphs = {graph.name for graph in subject.graphs}
    return tuple(each for each in subject.input_sets if each.name in ("probes", _SET) and each.graph in graphs)


def _ratios(subject: Subject, folder: Path, batches: Sequence[int], *, widened: bool) -> Iterator[Ratio]:
    plan = make_plan(subject, timed=False)
    steps = [
        Step(graph.name, _SET, first, first + rows)
        for graph in subject.graphs
        for rows in batches
        for first in (0, 1000 - rows, 2000 - rows)
        if first >= 0 and first + rows <= len(subject.input_set(graph.name, _SET))
    ]
    plan = Plan(subject, tuple(dict.fromkeys(steps)), plan.expectations)
    bounds, job = Bounds(plan), make_job(plan, folder)
    for runtime in RUNTIMES:
        outcome = run_backend(all_backends()[runtime], job, folder / runtime, limit=_LIMIT)
        if outcome.missing or outcome.errors:
            raise InputError(f"{runtime} cannot be measured: {outcome.missing or next(iter(outcome.errors.values()))}")
        found: dict[tuple[str, str, int], float] = {}
        for index, step in enumerate(plan.steps):
            for output, answers in outcome.answers[index].items():
                native, exact = plan.expected(step).of(output)
                ratio = floors(answers, native, exact, bounds.of(step.graph, output, _SET).noise_floor)
                key = step.graph, output, step.stop - step.start
                found[key] = max(found.get(key, 0.0), ratio)
        for (graph, output, batch), ratio in found.items():
            yield Ratio(runtime, graph, output, batch, widened, ratio)


def widened_content(content: bytes) -> bytes:
    """The graph with a unit of zero weights more in each hidden layer, whose activations are 0 at 0.

    Args:
        content: an ONNX file of fully connected layers.

    A hidden size is both an inner and an outer size of the graph's matrices, which its inputs' and outputs' are not.
    """
    model = onnx.load_model_from_string(content)
    shapes = [tensor.dims for tensor in model.graph.initializer if len(tensor.dims) == _MATRIX]
    hidden = {shape[0] for shape in shapes} & {shape[1] for shape in shapes}
    for tensor in model.graph.initializer:
        if not tensor.dims:
            continue
        values = numpy_helper.to_array(tensor)
        more = [(0, int(size in hidden)) for size in values.shape]
        tensor.CopyFrom(numpy_helper.from_array(np.pad(values, more), tensor.name))
    del model.graph.value_info[:]  # which state the old sizes
    widened: bytes = model.SerializeToString()
    return widened


def _widened(graph: Graph) -> Graph:
    return dataclasses.replace(graph, content=widened_content(graph.content))
