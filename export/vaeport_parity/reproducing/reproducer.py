"""The smallest graph on which a backend still falls short, with a script that shows it and the text of an issue."""

import os
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import onnx

from vaeport.common.fileio import exchange_folders, staged_folder, write_folder
from vaeport.errors import InputError, OutputError

from ..backends.base import Backend
from ..backends.versions import backend_named
from ..locating.node_search import RunPart
from ..locating.tensors import TensorGraph, difference, exact_values
from ..subjects.subject import Graph
from ..subjects.tensors import Arrays
from .cutting import Cut, Cutter, NotShownError
from .faults import Bench
from .packing import FILES, packed
from .reduction import Reduced, fault_of, reduced

_RUN_SHARE = 0.5  # of the time, for one run of a candidate
_CUT_SHARE = 0.5  # of the time, for taking the graph apart
_REDUCE_SHARE = 0.85  # of the time, until the smallest case is taken; what is left is for its last run
_NAMED = 4
_ANY_DIFFERENCE = 0.5  # where entries must be equal, they differ by 1 at least


@dataclass(frozen=True)
class Reproducer:
    """What to hand to whoever is at fault; or why there is nothing."""

    name: str
    """Name of its folder: backend and graph."""
    backend: str
    """Name of the backend."""
    version: str
    """Version of its software; empty where it is not known."""
    files: Mapping[str, bytes] = field(default_factory=dict)
    """Content by name of file: `model.onnx`, `inputs.npz`, `expected.npz`, `reproduce.py`, `ISSUE.md`; empty where no
    reproducer could be made."""
    nodes: int = 0
    """Nodes of the graph."""
    text: str = ""
    """What it shows, or why there is none, in a sentence."""
    in_file: bool = False
    """Whether there is none because the file is wrong, whatever runs it."""
    confirmed: bool = False
    """Whether the script was run in the backend's own environment and ended with 1."""

    def write(self, folder: str | os.PathLike[str]) -> None:
        """Write the files into a folder, all or none; an older reproducer there is replaced.

        Raises:
            OutputError: it cannot be written, something else stands there, or there are no files.
        """
        place = Path(folder).absolute()
        if not self.files:
            raise OutputError(f"cannot write {place}: there is no reproducer, {self.text}")
        held = {path.name for path in place.iterdir()} if place.is_dir() and not place.is_symlink() else set()
        if not held:
            write_folder(place, self._fill)
            return
        if not held <= set(FILES):
            raise OutputError(f"cannot write {place}: it holds {min(held - set(FILES))}; choose another folder")
        with staged_folder(place) as stage:
            self._fill(stage)
            exchange_folders(stage, place)

    def _fill(self, folder: Path) -> None:
        for name, content in self.files.items():
            (folder / name).write_bytes(content)


def make_reproducer(
    subject_graph: Graph,
    backend: str,
    inputs: Arrays,
    expected: Arrays,
    output: str,
    tolerance: float,
    *,
    run: RunPart,
    limit: float,
    version: str = "",
    name: str = "",
) -> Reproducer | None:
    """Reduce what a backend gets wrong in a graph.

    The graph is cut to the few nodes whose error alone takes the output out of its bound. Nodes, sizes and numbers are
    then taken away while the answer stays wrong by several times the rounding noise of what is left; see `floors`. A
    graph that gets no answer is reduced as long as the backend says the same.

    Args:
        subject_graph: the graph that falls short.
        backend: name of the backend.
        inputs: a batch on which it falls short, by input name.
        expected: right answers to it, by output name.
        output: the output that falls short.
        tolerance: its bound; 0 where it must be equal.
        run: runs graphs on the backend.
        limit: seconds that it may take, apart from one or two runs of the script, of a minute at most.
        version: of the backend's software.
        name: of the reproducer; backend and graph unless said otherwise.

    Returns:
        The reproducer; one without files, whose text says why, where the fault does not show by itself; None where the
        backend does not run the file at all.
    """
    known = _backend(backend)
    if known is not None and known.facts.from_original:
        return None
    label = name or re.sub(r"[^\w.=-]+", "_", f"{backend}-{subject_graph.name}")
    began = time.monotonic()
    bench = Bench(backend, subject_graph.name, run, max(_RUN_SHARE * limit, 1.0))
    try:
        model = onnx.load_model_from_string(subject_graph.content)
        if mine := _wrong_file(model, inputs, expected, output, tolerance):
            return Reproducer(label, backend, version, text=mine, in_file=True)
        cutter = Cutter(model, inputs, output, tolerance, bench, began + _CUT_SHARE * limit)
        cut, found = _reduce(cutter, began + _REDUCE_SHARE * limit, began + limit)
        return _finished(label, known, backend, version, cutter, cut, found)
    except NotShownError as error:
        return Reproducer(label, backend, version, text=f"no reproducer: {error}")
    except Exception as error:  # noqa: BLE001 - onnx and runtimes raise errors of all kinds, and the comparison stands without
        said = " ".join(str(error).split())[:200] or type(error).__name__
        return Reproducer(label, backend, version, text=f"no reproducer: the graph could not be reduced: {said}")


def _backend(name: str) -> Backend | None:
    try:
        return backend_named(name)
    except ValueError:
        return None


def _wrong_file(model: onnx.ModelProto, inputs: Arrays, expected: Arrays, output: str, tolerance: float) -> str:
    """Why the file and not the backend is at fault; nothing where it is right."""
    if output not in expected or TensorGraph(model).is_quantised:
        return ""  # the least difference makes a whole step in a quantised graph
    try:
        values = exact_values(model, inputs)[output]
    except InputError:
        return ""
    off = difference(values, expected[output])
    if off <= (tolerance if values.dtype.kind == "f" else _ANY_DIFFERENCE):
        return ""
    return f"no reproducer: the file itself is off by {off:.2g} in {output}, whatever runs it"


def _reduce(cutter: Cutter, until: float, last: float) -> tuple[Cut, Reduced]:
    """The part that falls short, and the smallest graph that was made of it.

    Raises:
        NotShownError: the part falls short by what it does to the output alone, and not by its own rounding noise.
    """
    cut = cutter.cut()
    bench = cutter.bench
    answer = bench.answer(cut.case, until)
    if answer.kind == "right":
        cut = cutter.cut(strict=True)
        answer = bench.answer(cut.case, until)
    if answer.kind in ("right", "unknown") and (longer := cutter.ending(cut)) is not None:
        cut, answer = longer, bench.answer(longer.case, until)
    if answer.kind in ("right", "unknown"):
        raise NotShownError(
            f"the {cut.case.nodes} nodes that lead to {cut.tensor} are off by what rounding can explain there, and yet "
            f"put {cutter.output} off by {cut.effect:.2g}"
        )
    return cut, reduced(cut.case, answer, fault_of(answer), bench, until, last)


def _finished(
    label: str, known: Backend | None, backend: str, version: str, cutter: Cutter, cut: Cut, found: Reduced
) -> Reproducer:
    """The reproducer of a case that cannot be made smaller."""
    odd = next((values.dtype for values in found.case.inputs.values() if values.dtype.isbuiltin != 1), None)
    if odd is not None:
        raise NotShownError(f"its inputs are {odd}, which an .npz file does not hold")
    where = f"graph {cutter.bench.graph}, tensor {cut.tensor!r}"
    if cut.effect:
        off = f"{cut.effect:.2g}, allowed {cutter.tolerance:.2g}"
        where += f"; the error there alone puts the output {cutter.output!r} off by {off}"
    package = packed(backend, known, version, found, f"{where}.")
    nodes = found.case.model.graph.node
    kinds = ", ".join(node.op_type for node in nodes[:_NAMED]) + ", ..." * (len(nodes) > _NAMED)
    count = f"{len(nodes)} node{'s' * (len(nodes) != 1)} ({kinds})"
    if package.confirmed is False:
        raise NotShownError(f"{count} show it as they are run here, and not in a script that runs them by themselves")
    text = f"{count} of {len(cutter.model.graph.node)} show it"
    return Reproducer(label, backend, version, package.files, len(nodes), text, confirmed=bool(package.confirmed))
